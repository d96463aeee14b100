package reconcile_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"signet/audit"
	"signet/audit/reconcile"
	"signet/audit/records"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultinit"
)

const (
	ring  = "signet-es256"
	ringH = "signet-hs256"
	macs  = "signet-refresh"
)

// rings are those of the world.
var rings = []vaultkeys.RingConfig{{Name: ring, Algorithm: signer.ES256}, {Name: ringH, Algorithm: signer.HS256}}

// vault hashes as Vault's audit device does.
type vault struct{ calls atomic.Int64 }

func (v *vault) hash(value string) string {
	m := hmac.New(sha256.New, []byte("salt"))
	m.Write([]byte(value))
	return "hmac-sha256:" + hex.EncodeToString(m.Sum(nil))
}

func (v *vault) All(_ context.Context, values []string) ([]string, error) {
	out := make([]string, 0, len(values))
	for _, value := range values {
		v.calls.Add(1)
		out = append(out, v.hash(value))
	}
	return out, nil
}

// world is Signet and Vault, as far as they leave lines behind.
type world struct {
	vault   vault
	hashed  bool // what Vault's log holds of what is signed
	now     time.Time
	entries []reconcile.Entry
	chains  map[string]*chain
	drawn   int // for jtis and inputs
	version int
}

// chain is a replica's records.
type chain struct {
	seq   uint64
	head  audit.Hash
	begun bool
	lines []string
}

func newWorld(hashed bool) *world {
	return &world{hashed: hashed, now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), chains: map[string]*chain{}, version: 1}
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) chain(replica string) *chain {
	c, ok := w.chains[replica]
	if !ok {
		c = &chain{}
		w.chains[replica] = c
	}
	return c
}

// write adds a record.
func (w *world) write(replica string, r audit.Record) audit.Record {
	c := w.chain(replica)
	c.seq++
	w.pass(time.Millisecond)
	r.V, r.Seq, r.Time, r.Replica, r.Prev = audit.Version, c.seq, w.now, replica, ""
	if c.begun {
		r.Prev = c.head.String()
	}
	line := string(r.Append(nil))
	c.head, c.begun = sha256.Sum256([]byte(line)), true
	c.lines = append(c.lines, line)
	return r
}

func (w *world) start(replica string) { w.write(replica, audit.Record{Event: audit.EventStart}) }

// anew is a restart of a replica that writes to standard output only.
func (w *world) anew(replica string) {
	c := w.chain(replica)
	c.seq, c.begun = 0, false
	w.start(replica)
}

// draw is a new input.
func (w *world) draw() string {
	w.drawn++
	sum := sha256.Sum256(fmt.Append(nil, "input ", w.drawn))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// batch is what was declared together.
type batch struct {
	replica, ring string
	items         []audit.Record
}

// token is one that is to be declared.
func (w *world) token(ring string) audit.Record {
	input := w.draw()
	return audit.Record{
		Event: audit.EventToken, Ring: ring, KeyVersion: w.version, KID: "kid", Input: input, JTI: fmt.Sprint("jti-", w.drawn),
		ClientID: "orders", Subject: "user:alice",
	}
}

func (w *world) canary(ring string) audit.Record {
	return audit.Record{Event: audit.EventCanary, Ring: ring, KeyVersion: w.version, KID: "kid", Input: w.draw()}
}

func (w *world) declare(replica string, items ...audit.Record) *batch {
	b := &batch{replica: replica, ring: items[0].Ring}
	first := w.chain(replica).seq + 1
	for _, one := range items {
		one.Batch = first
		b.items = append(b.items, w.write(replica, one))
	}
	return b
}

func (w *world) outcome(b *batch, outcomes ...audit.Outcome) {
	r := audit.Record{Event: audit.EventBatch, Batch: b.items[0].Batch, Items: len(b.items), RequestID: "id"}
	if len(outcomes) == 1 {
		r.Outcome = outcomes[0]
	} else {
		r.Outcomes = outcomes
	}
	w.write(b.replica, r)
}

// value is what Vault's log holds of a value of the mount's.
func (w *world) value(v string) []byte {
	if w.hashed {
		v = w.vault.hash(v)
	}
	return []byte(v)
}

// item is a declared item as Vault signs it.
func (w *world) item(r *audit.Record) reconcile.Item {
	reference := r.JTI
	if r.Event == audit.EventCanary {
		reference = r.Prev
	}
	return w.raw(r.Ring, r.Input, reference, r.KeyVersion)
}

func (w *world) raw(ring, input, reference string, version int) reconcile.Item {
	if ring != "signet-es256" {
		version = 0 // an HMAC's answer does not tell it
	}
	return reconcile.Item{Input: w.value(input), Reference: w.value(reference), KeyVersion: version, Signed: true}
}

// request is a successful request in Vault's log.
func (w *world) request(operation, path string) *reconcile.Entry {
	w.pass(time.Millisecond)
	n := len(w.entries) + 1
	w.entries = append(w.entries, reconcile.Entry{
		File: "audit.log", Line: int64(2 * n), Time: w.now, Operation: operation, Path: path, Answered: true,
		RequestID: fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
		Who:       reconcile.Who{Accessor: "hmac-sha256:accessor", EntityID: "entity", DisplayName: "approle", RemoteAddress: "10.0.0.1"},
	})
	return &w.entries[n-1]
}

// sign is Vault's part of a batch.
func (w *world) sign(b *batch) *reconcile.Entry {
	verb := "sign"
	if b.ring != ring {
		verb = "hmac"
	}
	e := w.request("update", "transit/"+verb+"/"+b.ring)
	e.KeyVersion = w.value(fmt.Sprint(b.items[0].KeyVersion))
	for i := range b.items {
		e.Items = append(e.Items, w.item(&b.items[i]))
	}
	return e
}

// issue is a batch of n tokens as it goes nearly always.
func (w *world) issue(replica, ring string, n int) *batch {
	items := make([]audit.Record, n)
	for i := range items {
		items[i] = w.token(ring)
	}
	b := w.declare(replica, items...)
	w.sign(b)
	w.outcome(b, audit.OutcomeIssued)
	return b
}

// beat is a canary as it goes nearly always.
func (w *world) beat(replica, ring string) *batch {
	b := w.declare(replica, w.canary(ring))
	w.sign(b)
	w.outcome(b, audit.OutcomeIssued)
	return b
}

// lostAndAgain is an attempt whose answer was lost, and the next one.
func (w *world) lostAndAgain(one audit.Record) {
	for _, outcome := range []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeIssued} {
		b := w.declare("r1", one)
		w.sign(b)
		w.outcome(b, outcome)
	}
}

// data is the body of a request in Vault's log; sys and auth are always hashed.
func (w *world) data(e *reconcile.Entry, body any) *reconcile.Entry {
	e.RequestData = w.hashAll(body)
	return e
}

func (w *world) hashAll(v any) json.RawMessage {
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for name, one := range v {
				out[name] = walk(one)
			}
			return out
		case []any:
			out := make([]any, 0, len(v))
			for _, one := range v {
				out = append(out, walk(one))
			}
			return out
		case bool:
			return v
		}
		return w.vault.hash(fmt.Sprint(v))
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var plain any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		panic(err)
	}
	text, err = json.Marshal(walk(plain))
	if err != nil {
		panic(err)
	}
	return text
}

// state makes a request's answer show a key's state.
func state(e *reconcile.Entry, decryption, encryption int, deletion bool) {
	e.ResponseData = fmt.Appendf(nil, `{"name":"hmac-sha256:x","min_decryption_version":%d,"min_encryption_version":%d,"deletion_allowed":%t}`, decryption, encryption, deletion)
}

// log is the world's entries as Vault's log.
type log struct {
	entries  []reconcile.Entry
	from, to time.Time
}

func (l log) Scan(ctx context.Context, each func(*reconcile.Entry) error) (reconcile.LogSummary, error) {
	for i := range l.entries {
		if err := ctx.Err(); err != nil {
			return reconcile.LogSummary{}, err
		}
		one := l.entries[i] // the callback owns nothing of it
		if err := each(&one); err != nil {
			return reconcile.LogSummary{}, err
		}
	}
	return reconcile.LogSummary{From: l.from, To: l.to}, nil
}

// failer is *testing.T and *rapid.T.
type failer interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// config compares the world's two sides.
func (w *world) config(t failer) reconcile.Config {
	t.Helper()
	policies, err := vaultinit.Policies(vaultinit.Config{Rings: rings})
	if err != nil {
		t.Fatal(err)
	}
	l := log{entries: w.entries}
	if n := len(w.entries); n > 0 {
		l.from, l.to = w.entries[0].Time, w.entries[n-1].Time
	}
	return reconcile.Config{
		Log: l, Hasher: &w.vault, Keys: reconcile.KeysOf(rings, macs), Policies: policies, Roles: vaultinit.Roles(),
		Records: records.Config{Paths: []string{records.Stdin}, Stdin: strings.NewReader(w.text())},
	}
}

func (w *world) text() string {
	names := make([]string, 0, len(w.chains))
	for name := range w.chains {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		for _, line := range w.chains[name].lines {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// outcome of a comparison.
type found struct {
	summary  reconcile.Summary
	findings []reconcile.Finding
}

func (f *found) kinds() []string {
	all := []string{}
	for i := range f.findings {
		all = append(all, string(f.findings[i].Kind))
	}
	slices.Sort(all)
	return all
}

func compare(t failer, cfg reconcile.Config, dir string) *found {
	t.Helper()
	cfg.TempDir = dir
	out := &found{}
	err := reconcile.Run(context.Background(), cfg, func(r *reconcile.Result) error {
		out.summary = r.Summary
		for _, kind := range reconcile.Kinds {
			if err := r.Each(kind, 0, func(f *reconcile.Finding) error {
				out.findings = append(out.findings, *f)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	if out.summary.Total() != len(out.findings) {
		t.Errorf("%d findings are counted, %d are there", out.summary.Total(), len(out.findings))
	}
	return out
}
