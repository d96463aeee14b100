package audit

import (
	"encoding/base64"
	"time"
)

// Version is the format's, the member "v" of every record. A reader refuses a
// record of another one. docs/audit-record.v1.schema.json is the format.
const Version = 1

// Event is what a record is about.
type Event string

// The events. Every record has V, Seq, Time, Replica, Event and Prev; what else
// each has is said here.
const (
	// EventStart begins the records of a process: Build, and Torn if the file ended
	// in half a record.
	EventStart Event = "start"
	// EventStop is the last record of a process that ended in order.
	EventStop Event = "stop"
	// EventToken declares the signature of a token: Batch, Ring, KID, KeyVersion,
	// Input, and all that is known of the token and who asked for it.
	EventToken Event = "token"
	// EventCanary declares a signature that proves that Vault signs, and is no
	// token: Batch, Ring, KID, KeyVersion, Input. Its reference in Vault's log is
	// its Prev.
	EventCanary Event = "canary"
	// EventBatch is what became of the declarations of one Batch: Items, and
	// Outcome, or Outcomes where they differ; RequestID if Vault answered.
	EventBatch Event = "batch"
	// EventWithheld: a signed token was not handed out, because what had to follow
	// failed, or the caller had gone: JTI, SID, ClientID, Reason.
	EventWithheld Event = "withheld"
	// EventRefused: a request of a known client was refused: ClientID, Endpoint,
	// Code, Reason, Remote, TraceID.
	EventRefused Event = "refused"
	// EventAuthenticationFailed: who asked did not prove to be a client: ClientID
	// as claimed, Endpoint, Code, Remote, TraceID; Count where more than one was summed up.
	EventAuthenticationFailed Event = "authentication_failed"
	// EventRevoked: a token or sessions were ended: ClientID, and what of it: JTI,
	// SID, Subject, Owner (whose sessions), Count (how many sessions).
	EventRevoked Event = "revoked"
	// EventRefresh: a refresh that was not plain: Kind (as package refresh calls
	// it, such as "reuse"), SID, ClientID, Generation (Redis's), Presented (the token's).
	EventRefresh Event = "refresh"
	// EventKeys: a key ring is seen to have changed: Ring, KeyVersion, KID, Kind.
	EventKeys Event = "keys"
	// EventClients: the policy was read anew: Kind "loaded" or "refused", Count of
	// the clients, Digest of the file, Reason.
	EventClients Event = "clients"
	// EventLost: so many records could not be written and were given up: Count.
	// Signatures are never among them.
	EventLost Event = "lost"
)

// Events are all of them.
var Events = []Event{
	EventStart, EventStop, EventToken, EventCanary, EventBatch, EventWithheld, EventRefused, EventAuthenticationFailed,
	EventRevoked, EventRefresh, EventKeys, EventClients, EventLost,
}

// Outcome is what became of a declared signature.
type Outcome string

// The outcomes.
const (
	// OutcomeIssued: Vault signed, and the signature was handed to the request.
	OutcomeIssued Outcome = "issued"
	// OutcomeDiscarded: no signature was handed to anybody. Vault may have made one.
	OutcomeDiscarded Outcome = "discarded"
	// OutcomeUnknown: Vault's answer did not arrive. It may have signed; the
	// signature was handed to nobody.
	OutcomeUnknown Outcome = "unknown"
)

// Record is one line. Members that do not belong to its event are zero.
type Record struct {
	V       int       `json:"v"`
	Seq     uint64    `json:"seq"`  // counts the records of a chain from 1
	Time    time.Time `json:"time"` // UTC, microseconds
	Replica string    `json:"replica"`
	Event   Event     `json:"event"`

	Batch      uint64   `json:"batch,omitempty"` // Seq of the batch's first record
	JTI        string   `json:"jti,omitempty"`
	Grant      string   `json:"grant,omitempty"`
	SID        string   `json:"sid,omitempty"`
	Generation uint32   `json:"generation,omitempty"` // of the refresh token presented; 0 at login
	ClientID   string   `json:"client_id,omitempty"`
	Auth       string   `json:"auth,omitempty"` // how the client authenticated
	Subject    string   `json:"sub,omitempty"`
	Audience   []string `json:"aud,omitempty"`
	Scope      string   `json:"scope,omitempty"`
	IssuedAt   int64    `json:"iat,omitempty"` // seconds since 1970, as in the token
	Expiry     int64    `json:"exp,omitempty"`
	Ring       string   `json:"ring,omitempty"` // the transit key
	KID        string   `json:"kid,omitempty"`
	KeyVersion int      `json:"key_version,omitempty"`
	// Input is exactly the "input" of Vault's request, in base64: the digest where
	// Vault gets one, else the JWS signing input.
	Input   string `json:"input,omitempty"`
	Remote  string `json:"remote,omitempty"`   // address of the peer, without port
	TraceID string `json:"trace_id,omitempty"` // of the traceparent header, else the X-Request-ID

	RequestID string    `json:"request_id,omitempty"` // Vault's, as in its audit log
	Items     int       `json:"items,omitempty"`
	Outcome   Outcome   `json:"outcome,omitempty"`
	Outcomes  []Outcome `json:"outcomes,omitempty"` // in the order of the declarations

	Kind      string `json:"kind,omitempty"`
	Endpoint  string `json:"endpoint,omitempty"`
	Code      string `json:"code,omitempty"`
	Reason    string `json:"reason,omitempty"`
	Owner     string `json:"owner,omitempty"` // client whose sessions were ended, where Subject alone does not say it
	Presented uint32 `json:"presented,omitempty"`
	Count     int    `json:"count,omitempty"`
	Digest    string `json:"digest,omitempty"`
	Build     string `json:"build,omitempty"`
	Torn      int    `json:"torn,omitempty"` // bytes

	// Prev is the [Hash] of the record before, in base64url; empty (null in the
	// text) where there is none.
	Prev string `json:"prev"`
}

// Hash is a link of the chain: SHA-256 of a record's line without its newline.
type Hash [32]byte

// String is as it stands in prev, and as the reference of a canary: base64url
// without padding.
func (h Hash) String() string {
	var text [43]byte // not EncodeToString, which allocates twice: every record has one
	base64.RawURLEncoding.Encode(text[:], h[:])
	return string(text[:])
}
