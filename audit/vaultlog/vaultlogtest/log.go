package vaultlogtest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"time"
)

// Config is what the lines of a [Log] have in common. The zero value is a mount
// "transit" whose values are hashed, and Signet's login by AppRole.
type Config struct {
	Mount string // default "transit"
	// Clear are the mount's audit_non_hmac_request_keys.
	Clear []string
	// HMACKey is what the device hashes with; default "vaultlogtest".
	HMACKey []byte
	// Hash takes the place of HMACKey: it returns "hmac-sha256:...".
	Hash func(value string) string
	Auth Auth

	UserAgent     string // default "Go-http-client/1.1"
	RemoteAddr    string // default "127.0.0.1"
	RemotePort    int    // default 40000
	MountAccessor string // default "transit_0353c636"
	Version       string // default "v1.21.2"
	Namespace     string // its path; default root
}

// Auth is the token that asks. Each empty member has a default.
type Auth struct {
	Token, Accessor       string // before they are hashed
	DisplayName, EntityID string
	Role                  string
	Policies              []string
	Issued                time.Time
	TTL                   int // seconds
}

// Batch is one request to sign or to hmac.
type Batch struct {
	Time time.Time
	Took time.Duration // default 1 ms
	ID   string        // default: counted
	Verb string        // default "sign"; or "hmac"
	Key  string
	Hash string // in the path, which Signet never does
	// Version that is asked for; 0 asks for none and gets Got.
	Version int
	Got     int // default Version
	// Params are the other parameters; nil means those of an ES256 ring.
	Params map[string]string
	Items  []Item
	Single bool // the form without batch_input; Items has one
	Lost   bool // the answer is not in the log
	Error  string
	// Refused is the text of an answer that is an error as a whole.
	Refused string
	Auth    *Auth // default: the log's
}

// Item is one signature.
type Item struct {
	Input, Reference string
	// Signature is what Vault made; default: made up.
	Signature string
	Error     string
}

// Log writes lines. It is not safe for concurrent use.
type Log struct {
	w    io.Writer
	cfg  Config
	mac  hash.Hash
	seq  uint64
	line []byte
}

// New begins a log.
func New(w io.Writer, cfg Config) *Log {
	def(&cfg.Mount, "transit")
	def(&cfg.UserAgent, "Go-http-client/1.1")
	def(&cfg.RemoteAddr, "127.0.0.1")
	def(&cfg.MountAccessor, "transit_0353c636")
	def(&cfg.Version, "v1.21.2")
	if cfg.RemotePort == 0 {
		cfg.RemotePort = 40000
	}
	if cfg.HMACKey == nil {
		cfg.HMACKey = []byte("vaultlogtest")
	}
	l := &Log{w: w, cfg: cfg, mac: hmac.New(sha256.New, cfg.HMACKey)}
	l.cfg.Auth = cfg.Auth.filled()
	return l
}

func (a Auth) filled() Auth {
	def(&a.Token, "hvs.token")
	def(&a.Accessor, "accessor")
	def(&a.DisplayName, "approle")
	def(&a.EntityID, "90db5c13-2344-bc82-670b-c0bf399fb6c5")
	def(&a.Role, "signet-issuer")
	if a.Policies == nil {
		a.Policies = []string{"signet-issuer"}
	}
	if a.Issued.IsZero() {
		a.Issued = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if a.TTL == 0 {
		a.TTL = 3600
	}
	return a
}

func def(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// Hash is a value as the log has it when it is hashed.
func (l *Log) Hash(value string) string {
	if l.cfg.Hash != nil {
		return l.cfg.Hash(value)
	}
	l.mac.Reset()
	l.mac.Write([]byte(value))
	return "hmac-sha256:" + hex.EncodeToString(l.mac.Sum(nil))
}

// ID is a request id that counts.
func ID(n uint64) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[8:], n)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Write writes the lines of a batch: its request, and its answer unless it is lost.
func (l *Log) Write(b Batch) error {
	def(&b.Verb, "sign")
	if b.Got == 0 {
		b.Got = b.Version
	}
	if b.Params == nil && b.Verb == "sign" && !b.Single {
		b.Params = map[string]string{"hash_algorithm": "sha2-256", "marshaling_algorithm": "jws", "prehashed": "true"}
	}
	path := l.cfg.Mount + "/" + b.Verb + "/" + b.Key
	if b.Hash != "" {
		path += "/" + b.Hash
	}
	r := Request{
		Time: b.Time, Took: b.Took, ID: b.ID, Operation: "update", Path: path, Mount: l.cfg.Mount, Auth: b.Auth,
		Data: l.data(&b), Error: b.Error, Lost: b.Lost,
	}
	if b.Refused != "" {
		r.Response = append(text([]byte(`{"error":`), l.Hash(b.Refused)), '}')
	} else {
		r.Response = l.results(&b)
	}
	return l.Request(r)
}

// value is a value of the request as the mount logs it.
func (l *Log) value(b []byte, name, value string) []byte {
	if slices.Contains(l.cfg.Clear, name) {
		return text(b, value)
	}
	return text(b, l.Hash(value))
}

func (l *Log) item(b []byte, it *Item) []byte {
	b = append(b, `"input":`...)
	b = l.value(b, "input", it.Input)
	if it.Reference != "" {
		b = append(b, `,"reference":`...)
		b = l.value(b, "reference", it.Reference)
	}
	return b
}

// data is request.data, sorted by name.
func (l *Log) data(b *Batch) []byte {
	members := map[string][]byte{}
	for name, v := range b.Params {
		members[name] = l.value(nil, name, v)
	}
	if b.Version != 0 {
		members["key_version"] = l.value(nil, "key_version", fmt.Sprint(b.Version))
	}
	if b.Single {
		members["input"] = l.value(nil, "input", b.Items[0].Input)
	} else {
		list := []byte("[")
		for i := range b.Items {
			if i > 0 {
				list = append(list, ',')
			}
			list = append(l.item(append(list, '{'), &b.Items[i]), '}')
		}
		members["batch_input"] = append(list, ']')
	}
	out := []byte("{")
	for _, name := range sorted(members) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(text(out, name), ':')
		out = append(out, members[name]...)
	}
	return append(out, '}')
}

// results is response.data. Vault hashes also the texts that are empty.
func (l *Log) results(b *Batch) []byte {
	if b.Single {
		return l.singleResult(b)
	}
	out := []byte(`{"batch_results":[`)
	for i := range b.Items {
		it := &b.Items[i]
		if i > 0 {
			out = append(out, ',')
		}
		version, sig := b.Got, it.signature(b)
		if it.Error != "" {
			version, sig = 0, ""
		}
		if b.Verb == "hmac" {
			out = append(text(append(out, `{"hmac":`...), l.Hash(sig)), `,"valid":false`...)
		} else {
			out = append(text(append(out, `{"signature":`...), l.Hash(sig)), `,"key_version":`...)
			out = fmt.Append(out, version)
		}
		out = text(append(out, `,"error":`...), l.Hash(it.Error))
		out = append(text(append(out, `,"reference":`...), l.Hash(it.Reference)), '}')
	}
	return append(out, `]}`...)
}

func (l *Log) singleResult(b *Batch) []byte {
	sig := l.Hash(b.Items[0].signature(b))
	if b.Verb == "hmac" {
		return append(text([]byte(`{"hmac":`), sig), '}')
	}
	return append(text(fmt.Appendf(nil, `{"key_version":%d,"signature":`, b.Got), sig), '}')
}

func (it *Item) signature(b *Batch) string {
	if it.Signature != "" {
		return it.Signature
	}
	return fmt.Sprintf("vault:v%d:%s.%s", b.Got, it.Input, b.ID)
}

func sorted(m map[string][]byte) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// text writes a string as Vault's encoding/json does.
func text(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // no string is refused
	}
	return append(b, raw...)
}

func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x80 || bytes.IndexByte([]byte(`"\<>&`), c) >= 0 {
			return false
		}
	}
	return true
}
