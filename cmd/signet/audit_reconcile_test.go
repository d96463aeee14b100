package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"signet/audit"
	"signet/audit/reconcile"
	"signet/audit/vaultlog/vaultlogtest"
)

// reconcileFixture is a configuration, the records of a replica and Vault's log
// of the same signatures, and of what is planted.
type reconcileFixture struct {
	t       *testing.T
	dir     string
	log     *vaultlogtest.Log
	now     time.Time
	vault   bytes.Buffer
	records bytes.Buffer
	seq     uint64
	head    audit.Hash
}

func newReconcileFixture(t *testing.T, clearKeys ...string) *reconcileFixture {
	t.Helper()
	f := &reconcileFixture{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	t.Chdir(f.dir)
	for name, value := range map[string]string{"HOME": f.dir, "VAULT_TOKEN": "", "VAULT_ADDR": "", "VAULT_NAMESPACE": "", "VAULT_CACERT": "", "TMPDIR": f.dir} {
		t.Setenv(name, value)
	}
	f.file("signet.yaml", []byte(`issuer: https://tokens.example.com
vault:
  address: https://127.0.0.1:1
  auth: {method: token, token: {env: NOBODYS}}
rings:
  - {name: es}
redis: {insecure: true}
`))
	f.log = vaultlogtest.New(&f.vault, vaultlogtest.Config{Clear: clearKeys})
	f.record(audit.Record{Event: audit.EventStart})
	for i := range 5 {
		f.now = f.now.Add(10 * time.Second)
		sum := sha256.Sum256([]byte{byte(i)})
		input, jti := base64.StdEncoding.EncodeToString(sum[:]), fmt.Sprint("jti-", i)
		batch := f.seq + 1
		f.record(audit.Record{Event: audit.EventToken, Batch: batch, JTI: jti, ClientID: "shop", Ring: "es", KeyVersion: 1, Input: input})
		f.sign(input, jti)
		f.record(audit.Record{Event: audit.EventBatch, Batch: batch, Items: 1, Outcome: audit.OutcomeIssued})
	}
	return f
}

func (f *reconcileFixture) record(r audit.Record) {
	f.seq++
	r.V, r.Seq, r.Time, r.Replica = audit.Version, f.seq, f.now, "signet-1"
	if f.seq > 1 {
		r.Prev = f.head.String()
	}
	line := r.Append(nil)
	f.head = sha256.Sum256(line)
	f.records.Write(append(line, '\n'))
}

func (f *reconcileFixture) sign(inputs ...string) {
	f.t.Helper()
	b := vaultlogtest.Batch{Time: f.now, Key: "es", Version: 1}
	for i := 0; i < len(inputs); i += 2 {
		b.Items = append(b.Items, vaultlogtest.Item{Input: inputs[i], Reference: inputs[i+1]})
	}
	if err := f.log.Write(b); err != nil {
		f.t.Fatal(err)
	}
}

func (f *reconcileFixture) file(name string, content []byte) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), content, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// run writes the files and compares them; nothing else may be there afterwards.
func (f *reconcileFixture) run(code int, args ...string) (stdout, stderr string) {
	f.t.Helper()
	lines := bytes.SplitAfter(f.records.Bytes(), []byte("\n"))
	f.file("records.1", bytes.Join(lines[:4], nil))
	f.file("records", bytes.Join(lines[4:], nil))
	f.file("audit.log", f.vault.Bytes())
	got, stdout, stderr := signet(f.t, append([]string{"audit", "reconcile", "--records", "records*", "--vault-log", "audit.log"}, args...)...)
	if got != code {
		f.t.Fatalf("%q: exit code %d instead of %d\n%s%s", args, got, code, stdout, stderr)
	}
	left, err := filepath.Glob(filepath.Join(f.dir, "signet-reconcile-*"))
	if err != nil || len(left) > 0 {
		f.t.Errorf("left behind: %q, %v", left, err)
	}
	return stdout, stderr
}

var clearKeys = []string{"input", "reference", "key_version"}

func TestAuditReconcile(t *testing.T) {
	f := newReconcileFixture(t, clearKeys...)
	stdout, stderr := f.run(0)
	for _, want := range []string{
		"Vault's log: from 2026-03-01 12:00:10 to 2026-03-01 12:00:50, records of 1 replicas:", "signet-1: from 2026-03-01 12:00:00 to 2026-03-01 12:00:50, 11 records, chain whole",
		"5 signatures, 5 declarations: 0 honest retries", "\nno findings\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q lacks %q", stdout, want)
		}
	}
	if stderr != "" {
		t.Errorf("stderr: %q", stderr)
	}

	f.sign("dGhpZWY=", "\x1b[31mred")
	stdout, _ = f.run(3)
	for _, want := range []string{"undeclared_signature: 1\n", "transit/sign/es, item 0, version 1, request 00000000-", "no record declares it", "\n1 findings\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q lacks %q", stdout, want)
		}
	}
	if strings.Contains(stdout, "\x1b") {
		t.Errorf("%q holds what a terminal obeys", stdout)
	}
	stdout, _ = f.run(3, "-o", "json")
	var out struct {
		V        int
		Findings []reconcile.Finding
		Summary  reconcile.Summary
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || out.V != 1 || len(out.Findings) != 1 || out.Summary.Total() != 1 {
		t.Fatalf("%s: %v", stdout, err)
	}
	f.file("accepted", []byte("# looked at\n"+out.Findings[0].RequestID+" # ours\n\n"))
	if stdout, _ = f.run(0, "--accept", "accepted"); !strings.Contains(stdout, "1 accepted\nno findings") {
		t.Errorf("%q", stdout)
	}
	f.run(0, "--until", "2026-03-01T12:00:49Z")
	f.run(3, "--since", "2026-03-01T12:00:50+00:00")
}

func TestAuditReconcileShowsAHundred(t *testing.T) {
	f := newReconcileFixture(t, clearKeys...)
	for i := range 103 {
		f.sign(fmt.Sprintf("dGhp%04d", i), "x")
	}
	stdout, _ := f.run(3)
	if n := strings.Count(stdout, "transit/sign/es"); n != 100 || !strings.Contains(stdout, "and 3 more; --all shows them") || strings.Count(stdout, "no record declares it") != 1 {
		t.Errorf("%d are shown: %s", n, stdout)
	}
	if stdout, _ = f.run(3, "--all"); strings.Count(stdout, "transit/sign/es") != 103 {
		t.Error("--all does not show all")
	}
}

func TestAuditReconcileOfAHashedLog(t *testing.T) {
	f := newReconcileFixture(t)
	if _, stderr := f.run(1); !strings.Contains(stderr, "only Vault can tell which hash stands for what") || !strings.Contains(stderr, "VAULT_TOKEN to one with the policy signet-auditor") {
		t.Errorf("%q", stderr)
	}
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/sys/audit-hash/second" { // whose token it is matters to nobody
			if _, err := w.Write([]byte(`{"data": {"ttl": 3600}}`)); err != nil {
				t.Error(err)
			}
			return
		}
		asked.Add(1)
		var in struct{ Input string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		sum := vaultlogtest.New(nil, vaultlogtest.Config{}).Hash(in.Input)
		if err := json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"hash": sum}}); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	t.Setenv("VAULT_ADDR", server.URL)
	t.Setenv("VAULT_TOKEN", "auditors")
	if stdout, _ := f.run(0, "--audit-device", "second"); !strings.Contains(stdout, "5 signatures, 5 declarations") {
		t.Errorf("%q", stdout)
	}
	if n := asked.Load(); n < 5 {
		t.Errorf("the device of the log was asked %d times", n)
	}
	f.sign("dGhpZWY=", "x")
	f.run(3, "--audit-device", "second")
}

// TestAuditReconcileOfNoLog: a file that is no audit log is no proof that nothing
// was signed.
func TestAuditReconcileOfNoLog(t *testing.T) {
	f := newReconcileFixture(t, clearKeys...)
	for content, want := range map[string]string{
		"":                "is a line of an audit device",
		`{"v":1}` + "\n":  "audit.log:1",
		"\x00\x01 no log": "could not be read",
	} {
		f.vault.Reset()
		f.vault.WriteString(content)
		stdout, stderr := f.run(1)
		if !strings.Contains(stderr, want) || strings.Contains(stdout, "no findings") {
			t.Errorf("%q: %q, %q", content, stdout, stderr)
		}
	}
}

func TestAuditReconcileUsage(t *testing.T) {
	f := newReconcileFixture(t, clearKeys...)
	f.file("bad.yaml", []byte("rings: 5\n"))
	for args, c := range map[string]struct {
		code int
		want string
	}{
		"--since yesterday": {2, "write a time such as"},
		"--until 5":         {2, "write a time such as"},
		"--since 2026-03-02T00:00:00Z --until 2026-03-01T00:00:00Z": {2, "is not before"},
		"--since 2026-03-02T00:00:00Z":                              {1, "reaches from 2026-03-01T12:00:10Z to 2026-03-01T12:00:50Z"},
		"--until 2026-02-28T00:00:00Z":                              {1, "nothing of it is in the time to be judged"},
		"--margin 0s":                                               {2, "use a time such as 10s"},
		"-o yaml":                                                   {2, "use table or json"},
		"--records none*":                                           {2, "there is no such file"},
		"--records none":                                            {1, "no such file"},
		"--records records":                                         {1, "give each file once"},
		"--records - --vault-log -":                                 {2, "only one of them"},
		"--accept absent":                                           {1, "reading what is accepted"},
		"--config bad.yaml":                                         {1, "bad.yaml"},
		"surplus":                                                   {2, "unknown argument"},
	} {
		_, stderr := f.run(c.code, strings.Fields(args)...)
		if !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %q lacks %q", args, stderr, c.want)
		}
	}
	if code, _, stderr := signet(t, "audit", "reconcile", "--vault-log", "x"); code != 2 || !strings.Contains(stderr, "records") {
		t.Errorf("without records: %d, %q", code, stderr)
	}
}

// TestReconcileProgress: stages that go on side by side keep their own pace.
func TestReconcileProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		report := reconcileProgress(&said)
		for i := range int64(4) {
			report(reconcile.ReadingRecords, i<<20, 10<<20)
			report(reconcile.Hashing, i*600, 0)
			time.Sleep(3 * time.Second)
			report(reconcile.Hashing, i*600+300, 0)
		}
		if got := said.String(); !strings.Contains(got, ": 2100 (175 a second)") || strings.Contains(got, "(0 a second)") {
			t.Errorf("said %s", got)
		}
	})
}
