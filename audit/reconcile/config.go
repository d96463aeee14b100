package reconcile

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"signet/audit/records"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultcheck"
	"signet/vaultkeys/vaultinit"
)

// Config is what [Run] compares.
type Config struct {
	// Log is Vault's audit log. Required.
	Log Log
	// Records are the issuance records of all replicas. Required; Problem and
	// Progress are Run's.
	Records records.Config
	// Hasher computes what a hashed log holds of a value; nil = no Vault is asked,
	// which is an error as soon as a signature in the log is hashed.
	Hasher Hasher

	// Keys are Signet's, as [KeysOf] gives them. At least one.
	Keys []Key
	// Mount is the path of the transit engine, AppRoleMount that of the AppRole
	// auth method, both without slashes around them; "" = Vault's defaults.
	Mount, AppRoleMount string
	// Policies and Roles are what `signet vault init` writes for this
	// configuration: exactly these are no findings.
	Policies []vaultinit.Policy
	Roles    []vaultinit.Role

	// Accepted are Vault request ids that an auditor has looked at.
	Accepted map[string]bool
	// Since and Until bound what is judged; zero = no bound.
	Since, Until time.Time
	// Margin is how long after its record a request may be in the log, clocks that
	// differ included; default 10s. Records so near to the log's ends are not
	// looked for in it, and requests so near to its end may lack their answer.
	Margin time.Duration

	// TempDir is where temporary files go, "" = the system's; they need 300 bytes
	// for each signature and its record, and are removed in any case.
	TempDir string
	// Partitions is in how many parts both sides are split at once, at most 256;
	// default 32. PartitionMax is how many declarations a core has in memory before a
	// part is split again; default 300,000. No more than 8 cores join.
	Partitions, PartitionMax int
	// Progress hears how far it is; total is 0 if unknown. nil = nobody does.
	Progress func(stage Stage, done, total int64)
}

// Stage is what Run is at.
type Stage string

// The stages. Hashing counts values, the others bytes.
const (
	ReadingLog     Stage = "reading Vault's log"
	ReadingRecords Stage = "reading the records"
	Hashing        Stage = "asking Vault for the hashes of what was declared"
)

// Log is Vault's audit log.
type Log interface {
	// Scan gives each request that has to do with Signet's keys once, with its
	// answer, as package vaultlog chooses them.
	Scan(ctx context.Context, each func(*Entry) error) (LogSummary, error)
}

// LogSummary is what a log covers.
type LogSummary struct {
	From, To time.Time // of all its entries
	// Damaged counts the places at which lines of the log, whole or in part, could
	// not be read; Damages describes the first of them.
	Damaged int64
	Damages []Damage
	// Notes are sentences about what could not be read, or is worth knowing.
	Notes []string
}

// Damage is a place in the log that cannot be read.
type Damage struct{ Where, What string }

// Hasher computes sys/audit-hash of values, in their order; *audithash.Hasher fits
// it. No value is empty.
type Hasher interface {
	All(ctx context.Context, values []string) ([]string, error)
}

// Who made a request, as Vault knew it.
type Who struct {
	Accessor      string `json:"accessor,omitempty"` // of the token, as it is in the log
	EntityID      string `json:"entity_id,omitempty"`
	DisplayName   string `json:"display_name,omitempty"`
	RemoteAddress string `json:"remote_address,omitempty"`
}

// Entry is one request to Vault with its answer. Byte slices are valid during
// the call only.
type Entry struct {
	File string
	Line int64

	Time      time.Time
	RequestID string
	Operation string
	Path      string // with the mount, without the namespace
	Error     string // why it failed; empty if it did not
	Answered  bool   // the log has the answer
	Who       Who
	// RequestData and ResponseData are the members "data", as JSON; nil if absent.
	RequestData, ResponseData json.RawMessage
	// KeyVersion is the "key_version" that was asked for; nil if none.
	KeyVersion []byte
	// Items are what was to be signed. Values are clear or hashed, each on its own.
	Items []Item
}

// Item is one signature that was asked for.
type Item struct {
	Input, Reference []byte
	KeyVersion       int // of the signature; 0 if the answer does not tell
	Signed           bool
}

// Key is one of Signet's transit keys.
type Key struct {
	Name string
	// HMAC: it signs by transit/hmac, not by transit/sign.
	HMAC bool
	// Known are the inputs, in base64, that Signet has signed without a record,
	// because they are always the same and are no tokens.
	Known []string
}

// KeysOf are the keys of a configuration.
func KeysOf(rings []vaultkeys.RingConfig, macKey string) []Key {
	label := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	keys := make([]Key, 0, len(rings)+1)
	for _, r := range rings {
		k := Key{Name: r.Name, HMAC: r.Algorithm.Symmetric(), Known: []string{vaultcheck.ProbeInput(r.Algorithm)}}
		if k.HMAC {
			k.Known = append(k.Known, label(vaultkeys.KIDLabel))
		}
		keys = append(keys, k)
	}
	return append(keys, Key{Name: macKey, HMAC: true, Known: []string{label(vaultkeys.MACLabel)}})
}

// dedicated is the one setting of the mount that is Signet's own: what was
// signed is then readable in the log.
var dedicated = map[string]any{"audit_non_hmac_request_keys": vaultinit.ClearRequestKeys}

func (c *Config) defaults() {
	set := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	set(&c.Partitions, 32)
	c.Partitions = min(c.Partitions, 256)
	set(&c.PartitionMax, 300_000)
	if c.Margin == 0 {
		c.Margin = 10 * time.Second
	}
	if c.Mount == "" {
		c.Mount = vaultinit.DefaultMount
	}
	if c.AppRoleMount == "" {
		c.AppRoleMount = vaultinit.DefaultAppRoleMount
	}
	if c.Progress == nil {
		c.Progress = func(Stage, int64, int64) {}
	}
}
