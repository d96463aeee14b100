package trace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/trace"
	"signet/audit/vaultlog"
	"signet/audit/vaultlog/vaultlogtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// token is a compact JWS; its signature does not matter.
func token(alg, jti, sid string) string {
	header := fmt.Sprintf(`{"alg":%q,"kid":"k1","typ":"at+jwt"}`, alg)
	claims := fmt.Sprintf(`{"jti":%q,"sid":%q,"iat":%d,"exp":%d}`, jti, sid, noon.Unix(), noon.Add(time.Hour).Unix())
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// input is what Vault gets for a token (RFC 7515 section 5.1), worked out here anew.
func input(tb testing.TB, tok string, h crypto.Hash) string {
	tb.Helper()
	signed := []byte(tok[:strings.LastIndexByte(tok, '.')])
	if h != 0 {
		d := h.New()
		d.Write(signed)
		signed = d.Sum(nil)
	}
	return base64.StdEncoding.EncodeToString(signed)
}

var clearKeys = []string{"input", "reference", "key_version"}

// world is a Vault's log and the records beside it.
type world struct {
	t       *testing.T
	cfg     vaultlogtest.Config
	log     *vaultlogtest.Log
	logText bytes.Buffer
	records []audit.Record
	seq     uint64
}

func newWorld(t *testing.T, readable bool) *world {
	w := &world{t: t}
	if readable {
		w.cfg.Clear = clearKeys
	}
	w.log = vaultlogtest.New(&w.logText, w.cfg)
	return w
}

// sign has one request with the items, and other people's around them.
func (w *world) sign(at time.Time, b vaultlogtest.Batch) {
	w.t.Helper()
	b.Time = at
	if b.Key == "" {
		b.Key, b.Version = "signet-es256", 3
	}
	if err := w.log.Write(b); err != nil {
		w.t.Fatal(err)
	}
}

// declare writes the records of one batch, and its outcome.
func (w *world) declare(at time.Time, outcome audit.Outcome, tokens ...audit.Record) {
	first := w.seq + 1
	for _, r := range tokens {
		w.seq++
		r.V, r.Seq, r.Time, r.Replica, r.Batch = audit.Version, w.seq, at, "signet-1", first
		r.Event, r.Ring, r.KeyVersion = audit.EventToken, "signet-es256", 3
		w.records = append(w.records, r)
	}
	w.event(at.Add(time.Millisecond), audit.Record{Event: audit.EventBatch, Batch: first, Items: len(tokens), Outcome: outcome, RequestID: "vault-request"})
}

func (w *world) event(at time.Time, r audit.Record) {
	w.seq++
	r.V, r.Seq, r.Time, r.Replica = audit.Version, w.seq, at, "signet-1"
	w.records = append(w.records, r)
}

// hasher is Vault's sys/audit-hash for the log of w.
func (w *world) All(_ context.Context, values []string) ([]string, error) {
	var all []string
	for _, v := range values {
		all = append(all, w.log.Hash(v))
	}
	return all, nil
}

// run traces text, with the records in two files, one of them packed.
func (w *world) run(text string, hasher trace.Hasher) (*trace.Report, error) {
	w.t.Helper()
	subject, err := trace.Parse(text)
	if err != nil {
		w.t.Fatal(err)
	}
	cfg := trace.Config{Log: vaultlog.Options{Files: []string{w.file(w.logText.Bytes())}}, Hasher: hasher}
	if len(w.records) > 0 {
		half := len(w.records) / 2
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(lines(w.records[:half])); err != nil {
			w.t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			w.t.Fatal(err)
		}
		cfg.Records = []string{w.file(packed.Bytes()), w.file(lines(w.records[half:]))}
	}
	return trace.Run(w.t.Context(), cfg, subject)
}

func (w *world) mustRun(text string) *trace.Report {
	w.t.Helper()
	r, err := w.run(text, w)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func lines(records []audit.Record) (b []byte) {
	for i := range records {
		b = append(records[i].Append(b), '\n')
	}
	return b
}

func (w *world) file(content []byte) string {
	w.t.Helper()
	f, err := os.CreateTemp(w.t.TempDir(), "x")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		w.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	return f.Name()
}

func item(in, jti string) vaultlogtest.Item { return vaultlogtest.Item{Input: in, Reference: jti} }

// others makes a batch of which the second item is the wanted one.
func others(in, jti string) vaultlogtest.Batch {
	return vaultlogtest.Batch{Items: []vaultlogtest.Item{item("YQ==", "other-1"), item(in, jti), item("Yg==", "other-2")}}
}

func wantNote(t *testing.T, r *trace.Report, part string) {
	t.Helper()
	if !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, part) }) {
		t.Errorf("no note %q in %q", part, r.Notes)
	}
}

// TestByToken: every algorithm, in a clear and in a hashed log.
func TestByToken(t *testing.T) {
	for _, c := range []struct {
		alg  string
		hash crypto.Hash
		verb string
	}{
		{"ES256", crypto.SHA256, "sign"},
		{"ES384", crypto.SHA384, "sign"},
		{"ES512", crypto.SHA512, "sign"},
		{"RS256", crypto.SHA256, "sign"},
		{"RS384", crypto.SHA384, "sign"},
		{"RS512", crypto.SHA512, "sign"},
		{"PS256", crypto.SHA256, "sign"},
		{"PS384", crypto.SHA384, "sign"},
		{"PS512", crypto.SHA512, "sign"},
		{"EdDSA", 0, "sign"},
		{"HS256", 0, "hmac"},
	} {
		for _, readable := range []bool{true, false} {
			t.Run(fmt.Sprint(c.alg, " clear ", readable), func(t *testing.T) {
				w := newWorld(t, readable)
				tok := token(c.alg, "jti-1", "")
				b := others(input(t, tok, c.hash), "jti-1")
				b.Verb, b.ID = c.verb, "request-1"
				w.sign(noon.Add(-time.Hour), vaultlogtest.Batch{Items: []vaultlogtest.Item{item("YQ==", "other")}})
				w.sign(noon, b)
				r := w.mustRun(tok)
				if !r.Found || len(r.Signatures) != 1 {
					t.Fatalf("%+v", r)
				}
				s := r.Signatures[0]
				version := 3
				if c.verb == "hmac" {
					version = 0 // its result does not tell
				}
				if s.RequestID != "request-1" || s.Key != "signet-es256" || s.KeyVersion != version || s.Result != trace.ResultSigned || s.Item != 2 || s.Items != 3 || s.By != trace.ByBoth || s.Line != 4 {
					t.Errorf("%+v", s)
				}
				if s.DisplayName != "approle" || s.Accessor != w.log.Hash("accessor") || s.EntityID == "" || s.RemoteAddr != "127.0.0.1" || !s.Time.Equal(noon.Add(time.Millisecond)) {
					t.Errorf("%+v", s)
				}
				if r.Log.Hashed == readable && c.verb == "sign" {
					t.Errorf("hashed: %v", r.Log.Hashed)
				}
			})
		}
	}
}

// TestByJTI: by the reference alone, or by the record's input.
func TestByJTI(t *testing.T) {
	for _, readable := range []bool{true, false} {
		w := newWorld(t, readable)
		w.sign(noon, others("aW4=", "jti-1"))
		r := w.mustRun("jti-1")
		if !r.Found || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByReference {
			t.Errorf("clear %v: %+v", readable, r)
		}
		w.declare(noon, audit.OutcomeIssued, audit.Record{JTI: "other", Input: "YQ=="}, audit.Record{JTI: "jti-1", Input: "aW4=", ClientID: "shop", Subject: "alice", Grant: "client_credentials"})
		r = w.mustRun("jti-1")
		if !r.Found || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByBoth || len(r.Records) != 1 {
			t.Fatalf("clear %v: %+v", readable, r)
		}
		if rec := r.Records[0]; rec.ClientID != "shop" || rec.BatchOutcome != audit.OutcomeIssued || rec.BatchRequestID != "vault-request" || rec.Line == 0 || rec.Input != "" {
			t.Errorf("%+v", rec)
		}
	}
}

// TestRetriesAreAllShown, and said to be such.
func TestRetriesAreAllShown(t *testing.T) {
	w := newWorld(t, true)
	tok := token("ES256", "jti-1", "")
	in := input(t, tok, crypto.SHA256)
	lost := others(in, "jti-1")
	lost.Lost, lost.ID = true, "lost"
	w.sign(noon, lost)
	for range 2 {
		w.sign(noon.Add(time.Second), others(in, "jti-1"))
	}
	w.declare(noon, audit.OutcomeUnknown, audit.Record{JTI: "jti-1", Input: in})
	w.declare(noon.Add(time.Second), audit.OutcomeIssued, audit.Record{JTI: "jti-1", Input: in})
	r := w.mustRun(tok)
	if !r.Found || len(r.Signatures) != 3 || len(r.Records) != 2 || r.Signatures[0].Result != trace.ResultNoAnswer {
		t.Fatalf("%+v", r)
	}
	if r.Records[0].BatchOutcome != audit.OutcomeUnknown || r.Records[1].BatchOutcome != audit.OutcomeIssued {
		t.Errorf("%+v", r.Records)
	}
	wantNote(t, r, "signed 2 times")
	wantNote(t, r, "lost without its answer")
}

// TestForgedTokensAreNotFound: a jti may be copied.
func TestForgedTokensAreNotFound(t *testing.T) {
	w := newWorld(t, true)
	w.sign(noon, others("aW4=", "jti-1"))
	r := w.mustRun(token("ES256", "jti-1", ""))
	if r.Found || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByReference {
		t.Errorf("%+v", r)
	}
	wantNote(t, r, "not what Vault signed")
}

// TestForgedTokensAreNotFoundByTheRecord: the honest token's record is found by
// the jti, and its signature by the record. Neither is of the forged one.
func TestForgedTokensAreNotFoundByTheRecord(t *testing.T) {
	for _, readable := range []bool{true, false} {
		t.Run(fmt.Sprint("clear ", readable), func(t *testing.T) {
			w := newWorld(t, readable)
			honest := token("ES256", "jti-1", "")
			in := input(t, honest, crypto.SHA256)
			w.sign(noon, others(in, "jti-1"))
			w.declare(noon, audit.OutcomeIssued, audit.Record{JTI: "jti-1", Input: in})
			if r := w.mustRun(honest); !r.Found || r.Signatures[0].By != trace.ByBoth || len(r.Notes) != 0 {
				t.Errorf("honest: %+v", r)
			}
			r := w.mustRun(token("ES256", "jti-1", "admin"))
			if r.Found || len(r.Signatures) != 1 || r.Signatures[0].By != trace.ByReference || len(r.Records) != 1 {
				t.Errorf("forged: %+v", r)
			}
			wantNote(t, r, "not what Vault signed")
			wantNote(t, r, "declare another input")
		})
	}
}

func TestRefusedItemsAreNoSignatures(t *testing.T) {
	w := newWorld(t, true)
	tok := token("ES256", "jti-1", "")
	b := others(input(t, tok, crypto.SHA256), "jti-1")
	b.Items[1].Error = "refused"
	w.sign(noon, b)
	r := w.mustRun(tok)
	if r.Found || len(r.Signatures) != 1 || r.Signatures[0].Result != trace.ResultRefused {
		t.Errorf("%+v", r)
	}
}

// TestAnotherKey: the token is found whoever signed it, and that is said.
func TestAnotherKey(t *testing.T) {
	w := newWorld(t, true)
	tok := token("ES256", "jti-1", "")
	in := input(t, tok, crypto.SHA256)
	b := others(in, "jti-1")
	b.Key, b.Version, b.Hash = "rogue", 1, "sha2-256"
	w.sign(noon, b)
	w.declare(noon, audit.OutcomeIssued, audit.Record{JTI: "jti-1", Input: in})
	r := w.mustRun(tok)
	if !r.Found || r.Signatures[0].Key != "rogue" || r.Signatures[0].Path != "transit/sign/rogue/sha2-256" {
		t.Errorf("%+v", r)
	}
	wantNote(t, r, "which no record of this token declares")
}

// TestLineage: from the login to the token, each with its entry.
func TestLineage(t *testing.T) {
	w := newWorld(t, false)
	tok := token("ES256", "jti-2", "sid-1")
	for g := range 4 {
		at := noon.Add(time.Duration(g) * time.Minute)
		jti, in := fmt.Sprint("jti-", g), fmt.Sprintf("aW4%d", g)
		if g == 2 {
			in = input(t, tok, crypto.SHA256)
		}
		grant := "refresh_token"
		if g == 0 {
			grant = "issue"
		}
		w.declare(at, audit.OutcomeIssued, audit.Record{JTI: jti, SID: "sid-1", Generation: uint32(g), Grant: grant, Input: in}, audit.Record{JTI: "x" + jti, SID: "sid-2", Input: "eA=="})
		if g != 1 {
			w.sign(at, others(in, jti))
		}
	}
	w.event(noon.Add(time.Hour), audit.Record{Event: audit.EventRefresh, SID: "sid-1", Kind: "reuse", ClientID: "shop"})
	w.event(noon.Add(2*time.Hour), audit.Record{Event: audit.EventRevoked, JTI: "jti-2", ClientID: "shop"})
	w.event(noon.Add(2*time.Hour), audit.Record{Event: audit.EventRefresh, SID: "sid-2", Kind: "reuse"})
	for name, text := range map[string]string{"token": tok, "jti": "jti-2"} {
		r := w.mustRun(text)
		if !r.Found || len(r.Lineage) != 4 || len(r.Records) != 1 || r.Records[0].JTI != "jti-2" {
			t.Fatalf("%s: %+v", name, r)
		}
		for g, step := range r.Lineage {
			want := 1
			if g == 1 {
				want = 0
			}
			if step.JTI != fmt.Sprint("jti-", g) || len(step.Signatures) != want || step.BatchOutcome != audit.OutcomeIssued {
				t.Errorf("%s: step %d: %+v", name, g, step)
			}
		}
		if r.Lineage[0].Grant != "issue" || len(r.Events) != 2 || r.Events[0].Kind != "reuse" || r.Events[1].Event != audit.EventRevoked {
			t.Errorf("%s: %+v", name, r.Events)
		}
	}
	w.records = w.records[3:]
	wantNote(t, w.mustRun(tok), "do not reach back to the login")
}

// TestCoverage: why nothing was found.
func TestCoverage(t *testing.T) {
	for name, c := range map[string]struct {
		from, to time.Duration
		want     string
	}{
		"too late":  {time.Hour, 2 * time.Hour, "give the older files too"},
		"too early": {-2 * time.Hour, -time.Hour, "give the newer files too"},
		"just then": {-time.Hour, time.Hour, "was not signed by this Vault"},
	} {
		w := newWorld(t, true)
		for _, at := range []time.Duration{c.from, c.to} {
			w.sign(noon.Add(at), vaultlogtest.Batch{Items: []vaultlogtest.Item{item("YQ==", "other")}})
		}
		r := w.mustRun(token("ES256", "jti-1", ""))
		if r.Found || len(r.Signatures) != 0 {
			t.Errorf("%s: %+v", name, r)
		}
		wantNote(t, r, c.want)
	}
	w := newWorld(t, true)
	w.logText.WriteString("nothing of Vault\n")
	r := w.mustRun("jti-1")
	wantNote(t, r, "no line of an audit device")
	wantNote(t, r, "1 lines of Vault's log could not be read")
}

// refusing is a Vault that does not hash.
type refusing struct{ err error }

func (r refusing) All(context.Context, []string) ([]string, error) { return nil, r.err }

func TestHashedWithoutVault(t *testing.T) {
	w := newWorld(t, false)
	tok := token("ES256", "jti-1", "")
	w.sign(noon, others(input(t, tok, crypto.SHA256), "jti-1"))
	if _, err := w.run(tok, nil); err == nil || !strings.Contains(err.Error(), "hashed") {
		t.Error(err)
	}
	denied := errors.New("denied")
	if _, err := w.run(tok, refusing{denied}); !errors.Is(err, denied) {
		t.Error(err)
	}
	// What is clear is found all the same.
	w.cfg.Clear = clearKeys
	w.log = vaultlogtest.New(&w.logText, w.cfg)
	w.sign(noon, others(input(t, tok, crypto.SHA256), "jti-1"))
	r, err := w.run(tok, refusing{denied})
	if err != nil || !r.Found || len(r.Signatures) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	wantNote(t, r, "denied")
}

// TestNeverRepeatsTheToken: neither it nor what was signed is in the report.
func TestNeverRepeatsTheToken(t *testing.T) {
	for _, alg := range []string{"EdDSA", "HS256", "ES256"} {
		w := newWorld(t, true)
		tok := token(alg, "jti-1", "sid-1")
		var h crypto.Hash
		if alg == "ES256" {
			h = crypto.SHA256
		}
		in := input(t, tok, h)
		w.sign(noon, others(in, "jti-1"))
		w.declare(noon, audit.OutcomeIssued, audit.Record{JTI: "jti-1", SID: "sid-1", Input: in})
		r := w.mustRun(tok)
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range append(strings.Split(tok, ".")[:2], in) {
			if bytes.Contains(text, []byte(part)) {
				t.Errorf("%s: the report has %q", alg, part)
			}
		}
		if !r.Found || len(r.Records) != 1 || len(r.Lineage) != 1 {
			t.Errorf("%+v", r)
		}
	}
}

func TestBadRecordFiles(t *testing.T) {
	w := newWorld(t, true)
	w.sign(noon, others("aW4=", "jti-1"))
	log := w.file(w.logText.Bytes())
	subject, err := trace.Parse("jti-1")
	if err != nil {
		t.Fatal(err)
	}
	run := func(records ...string) (*trace.Report, error) {
		return trace.Run(t.Context(), trace.Config{Log: vaultlog.Options{Files: []string{log}}, Records: records}, subject)
	}
	if _, err := run(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := run(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory: name the files in it") {
		t.Error(err)
	}
	r, err := run(w.file([]byte("\"jti-1\" no record\n{\"v\":9,\"jti\":\"jti-1\"}\nother\n")))
	if err != nil {
		t.Fatal(err)
	}
	wantNote(t, r, "2 lines of the issuance records")
}

func TestParse(t *testing.T) {
	good := token("ES256", "jti-1", "sid-1")
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {" \n", "neither"},
		"two parts":    {parts[0] + "." + parts[1], "is none"},
		"cut header":   {parts[0][:10], "is none"},
		"no base64":    {"a!." + parts[1] + ".c", "is none"},
		"no JSON":      {"YQ." + parts[1] + ".c", "is none"},
		"claims":       {parts[0] + ".YQ.c", "is none"},
		"none":         {token("none", "j", ""), "alg"},
		"encrypted":    {token("RSA-OAEP", "j", ""), "alg"},
		"several":      {"jti-1 jti-2", "neither a token nor a jti"},
		"long":         {strings.Repeat("a", 300), "neither a token nor a jti"},
		"encrypted, 5": {parts[0] + ".a.b.c.d", "is none"},
	} {
		_, err := trace.Parse(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && len(c.text) > 20 && strings.Contains(err.Error(), c.text[:20]) {
			t.Errorf("%s: the error repeats it: %v", name, err)
		}
	}
	s, err := trace.Parse(" " + good + "\n")
	if err != nil || !s.Token || s.JTI != "jti-1" || s.SID != "sid-1" || s.KID != "k1" || !s.Iat.Equal(noon) || !s.Exp.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v %v", s, err)
	}
	if s, err = trace.Parse("xF3kq0c1TtqdM5aDkRzAKA"); err != nil || s.Token || s.JTI != "xF3kq0c1TtqdM5aDkRzAKA" {
		t.Errorf("%+v %v", s, err)
	}
}

// FuzzParse: nothing that is given breaks it, and no error repeats it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{token("ES256", "j", "s"), token("EdDSA", "", ""), "jti", "", "a.b.c", "eyJ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := trace.Parse(text)
		if err == nil && !s.Token && s.JTI == "" {
			t.Errorf("%q is nothing to look for", text)
		}
		if err != nil && len(text) > 40 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats it: %v", err)
		}
	})
}
