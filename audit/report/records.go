package report

import (
	"strconv"

	"signet/audit"
	"signet/refresh"
)

// resolved counts a declaration once it is known what became of it.
func (c *Collector) resolved(d declared, outcome string) {
	if !c.counts(d.at) {
		return
	}
	one := func(dimension, value string) { c.count(dimension, value, d.at, 1) }
	if d.canary {
		one(Canaries, outcome)
		return
	}
	one(Declarations, outcome)
	if outcome != string(audit.OutcomeIssued) {
		return
	}
	one(TokensByClient, orNone(d.client))
	one(TokensByGrant, orNone(d.grant))
	one(TokensByRing, orNone(d.signedBy.ring))
	one(TokensByKeyVersion, KeyVersion(d.signedBy.ring, d.signedBy.number))
	for _, a := range d.audience {
		one(TokensByAudience, a)
	}
	if len(d.audience) == 0 {
		one(TokensByAudience, none)
	}
	c.signed(d)
}

// signed remembers the last signature of a version, for its age by then.
func (c *Collector) signed(d declared) {
	at, known := c.lastSigned[d.signedBy]
	if !known && len(c.lastSigned) >= versionsMax {
		return
	}
	if d.at.After(at) {
		c.lastSigned[d.signedBy] = d.at
	}
}

// versionsMax bounds the key versions whose last signature is remembered.
const versionsMax = 1 << 14

// KeyVersion is how a key version is called as a value of a dimension.
func KeyVersion(ring string, number int) string { return ring + " v" + strconv.Itoa(number) }

// security are the kinds of refresh events that need somebody's look. The
// others are lost answers and lost writes.
var security = map[refresh.EventKind]bool{
	refresh.EventReuse: true, refresh.EventTampered: true, refresh.EventRolledBack: true, refresh.EventForeignClient: true,
}

// Security reports whether a value of [Refresh] needs somebody's look.
func Security(kind string) bool { return security[refresh.EventKind(kind)] }

// everyday are the kinds of [audit.EventKeys] that are no alarms of package
// vaultkeys.
var everyday = map[string]bool{"published": true, "signing": true, "retired": true}

// other counts a record that declares nothing.
func (c *Collector) other(r *audit.Record) {
	one := func(dimension, value string) { c.count(dimension, orNone(value), r.Time, 1) }
	many := uint64(max(1, r.Count))
	switch r.Event {
	case audit.EventStart:
		one(Processes, "started")
		if r.Torn > 0 {
			one(Processes, "torn")
		}
	case audit.EventStop:
		one(Processes, "stopped")
	case audit.EventWithheld:
		one(Withheld, r.Reason)
		c.event(r, "withheld")
	case audit.EventRefused:
		c.count(RefusedByCode, orNone(r.Code), r.Time, many)
		c.count(RefusedByClient, orNone(r.ClientID), r.Time, many)
	case audit.EventAuthenticationFailed:
		c.count(AuthenticationFailedByCode, orNone(r.Code), r.Time, many)
		c.count(AuthenticationFailedByClient, orNone(r.ClientID), r.Time, many)
	case audit.EventRevoked:
		what := revokedWhat(r)
		one(Revoked, what)
		if r.Count > 0 {
			c.count(SessionsEnded, what, r.Time, many)
		}
		c.event(r, "revoked "+what)
	case audit.EventRefresh:
		one(Refresh, r.Kind)
		if Security(r.Kind) {
			c.event(r, "refresh "+r.Kind)
		}
	case audit.EventKeys:
		one(RingsSeen, r.Kind)
		if !everyday[r.Kind] {
			c.event(r, "key ring "+r.Kind)
		}
	case audit.EventClients:
		one(ClientsFile, r.Kind)
	case audit.EventLost:
		c.count(LostRecords, r.Replica, r.Time, many)
		c.event(r, "records lost")
	case audit.EventToken, audit.EventCanary, audit.EventBatch:
	}
}

// revokedWhat says what was ended, by the narrowest name that the record has.
func revokedWhat(r *audit.Record) string {
	switch {
	case r.JTI != "":
		return "token"
	case r.SID != "":
		return "session"
	case r.Subject != "":
		return "subject"
	case r.Owner != "":
		return "client"
	}
	return none
}
