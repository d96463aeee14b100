package report

// The dimensions, as JSON and CSV name them. A token counts once it is issued:
// declared before it was signed, and its signature handed to the request.
const (
	TokensByClient     = "tokens_by_client"
	TokensByAudience   = "tokens_by_audience"    //nolint:gosec // G101: a name; once for each of its audiences
	TokensByRing       = "tokens_by_ring"        //nolint:gosec // G101: a name
	TokensByKeyVersion = "tokens_by_key_version" //nolint:gosec // G101: a name
	TokensByGrant      = "tokens_by_grant"

	// Declarations and canaries are counted by what became of them: an
	// audit.Outcome, or [NoOutcome].
	Declarations = "declarations"
	Canaries     = "canaries"

	// Refusals and failures that came too fast to be recorded one by one were
	// summed up: those have a code and no client.
	RefusedByCode   = "refused_by_code"
	RefusedByClient = "refused_by_client"

	AuthenticationFailedByCode = "authentication_failed_by_code"
	// AuthenticationFailedByClient is by the client as claimed.
	AuthenticationFailedByClient = "authentication_failed_by_client"

	Refresh       = "refresh"        // by kind
	Revoked       = "revoked"        // by what was ended
	SessionsEnded = "sessions_ended" // by the same
	Withheld      = "withheld"       // by reason
	LostRecords   = "lost_records"   // by replica
	Processes     = "processes"      // started, stopped, torn
	RingsSeen     = "rings_seen"     // changes of rings that replicas saw, by kind
	ClientsFile   = "clients_file"   // loaded, refused
	KeyRequests   = "key_requests"   // changes of keys in Vault's log, by kind
	Rotations     = "rotations"      // in Vault's log, by who made them
	Emergencies   = "emergencies"    // versions ended while tokens of them might live, by key
)

// NoOutcome is what became of a declaration that no outcome followed: the
// process died, or the records end before it.
const NoOutcome = "none"

// none stands for a member that a record does not have.
const none = "(none)"

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// order is that of the dimensions in a report.
var order = []string{
	TokensByClient, TokensByAudience, TokensByRing, TokensByKeyVersion, TokensByGrant, Declarations, Canaries,
	RefusedByCode, RefusedByClient, AuthenticationFailedByCode, AuthenticationFailedByClient,
	Refresh, Revoked, SessionsEnded, Withheld, LostRecords, Processes, RingsSeen, ClientsFile, KeyRequests, Rotations, Emergencies,
}

// closed are the dimensions whose values Signet chooses itself: all are shown.
var closed = map[string]bool{Declarations: true, Canaries: true, Refresh: true, Revoked: true, KeyRequests: true, RingsSeen: true}
