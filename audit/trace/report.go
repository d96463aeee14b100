package trace

import (
	"time"

	"signet/audit"
	"signet/audit/vaultlog"
)

// Report is what a trace found.
type Report struct {
	Subject Subject `json:"subject"`
	// Found says that Vault's log has a signature of it: of this very token, or of
	// this jti if no more was given.
	Found bool `json:"found"`
	// Signatures are all entries that match, in the order of the log.
	Signatures []Signature `json:"signatures"`
	// Records are the issuance records that declared it.
	Records []Record `json:"records"`
	// Lineage are the tokens of the same session, from the login on.
	Lineage []Step `json:"lineage,omitempty"`
	// Events are other records of this jti and session: revoked, withheld, refresh.
	Events []Record `json:"events,omitempty"`
	Log    Coverage `json:"log"`
	// Notes say what else is to be known, each a sentence.
	Notes []string `json:"notes,omitempty"`
}

// Coverage is how far the log reaches.
type Coverage struct {
	First    time.Time          `json:"first,omitzero"`
	Last     time.Time          `json:"last,omitzero"`
	Lines    int64              `json:"lines"`
	Hashed   bool               `json:"hashed"` // values of it are
	Problems int64              `json:"problems"`
	Told     []vaultlog.Problem `json:"problem_lines,omitempty"`
}

// The ways to find a signature.
const (
	ByInput     = "input"     // what was signed
	ByReference = "reference" // the jti that the caller gave Vault beside it
	ByBoth      = "input and reference"
)

// Result is what became of a signature at Vault.
type Result string

// The results.
const (
	ResultSigned   Result = "signed"
	ResultRefused  Result = "refused"
	ResultNoAnswer Result = "no answer in the log" // Vault may or may not have signed
)

// Signature is an item of a request in Vault's log.
type Signature struct {
	Time       time.Time `json:"time"`
	RequestID  string    `json:"request_id"`
	Path       string    `json:"path"`
	Key        string    `json:"key"`
	KeyVersion int       `json:"key_version,omitempty"` // 0 if the log does not tell it
	Result     Result    `json:"result"`
	Error      string    `json:"error,omitempty"` // of the request; may be hashed
	Item       int       `json:"item"`            // its place in the request, from 1
	Items      int       `json:"items"`
	By         string    `json:"found_by"`

	Accessor    string   `json:"accessor"`
	EntityID    string   `json:"entity_id"`
	DisplayName string   `json:"display_name"`
	Policies    []string `json:"policies"`
	RemoteAddr  string   `json:"remote_address"`
	RemotePort  int      `json:"remote_port,omitempty"`

	File string `json:"file"`
	Line int64  `json:"line"`
}

// Record is an issuance record and where it stands.
type Record struct {
	audit.Record

	File string `json:"file"`
	Line int64  `json:"line"`
	// BatchOutcome is what became of a declaration; empty if no record tells.
	BatchOutcome audit.Outcome `json:"batch_outcome,omitempty"`
	// BatchRequestID is Vault's request id as that record has it.
	BatchRequestID string `json:"batch_request_id,omitempty"`
}

// Step is a token of a session and its entries in Vault's log.
type Step struct {
	Record

	Signatures []Signature `json:"signatures"`
}
