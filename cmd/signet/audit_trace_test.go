package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/vaultlog/vaultlogtest"
)

// traceFixture is a log with one token of EdDSA, and its record.
type traceFixture struct {
	t          *testing.T
	dir        string
	token      string
	log        *vaultlogtest.Log
	logPath    string
	recordPath string
}

func newTraceFixture(t *testing.T, clearKeys ...string) *traceFixture {
	t.Helper()
	f := &traceFixture{t: t, dir: t.TempDir()}
	f.logPath, f.recordPath = filepath.Join(f.dir, "audit.log"), filepath.Join(f.dir, "records.jsonl")
	t.Chdir(f.dir) // no signet.yaml here
	t.Setenv("HOME", f.dir)
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("VAULT_ADDR", "")
	t.Setenv("VAULT_NAMESPACE", "")

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	signed := part(`{"alg":"EdDSA"}`) + "." + part(fmt.Sprintf(`{"jti":"-jti","sid":"s","iat":%d}`, at.Unix()))
	f.token = signed + ".c2ln"
	input := base64.StdEncoding.EncodeToString([]byte(signed))

	var log bytes.Buffer
	f.log = vaultlogtest.New(&log, vaultlogtest.Config{Clear: clearKeys})
	err := f.log.Write(vaultlogtest.Batch{Time: at, ID: "request-1", Key: "signet-eddsa", Version: 7, Items: []vaultlogtest.Item{{Input: input, Reference: "-jti"}}})
	if err != nil {
		t.Fatal(err)
	}
	record := audit.Record{
		V: 1, Seq: 1, Time: at, Replica: "signet-1", Event: audit.EventToken, Batch: 1, JTI: "-jti", SID: "s", Grant: "issue", ClientID: "shop",
		Subject: "user:\x1b[31malice", Ring: "signet-eddsa", KeyVersion: 7, Input: input,
	}
	for path, content := range map[string][]byte{f.logPath: log.Bytes(), f.recordPath: append(record.Append(nil), '\n')} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// run gives the token by standard input if stdin is that, and demands the code.
func (f *traceFixture) run(code int, stdin string, args ...string) (stdout, stderr string) {
	f.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := write.WriteString(stdin); err != nil {
		f.t.Fatal(err)
	}
	_ = write.Close()
	before := os.Stdin
	os.Stdin = read
	defer func() { os.Stdin = before; _ = read.Close() }()
	got, stdout, stderr := signet(f.t, append([]string{"audit", "trace"}, args...)...)
	if got != code {
		f.t.Fatalf("%q: exit code %d instead of %d\n%s%s", args, got, code, stdout, stderr)
	}
	for _, secret := range []string{f.token, f.token[:strings.LastIndexByte(f.token, '.')], base64.StdEncoding.EncodeToString([]byte(f.token))[:40]} {
		if strings.Contains(stdout+stderr, secret) {
			f.t.Errorf("%q: the token is printed", args)
		}
	}
	return stdout, stderr
}

func TestAuditTrace(t *testing.T) {
	f := newTraceFixture(t, "input", "reference", "key_version")
	out, errs := f.run(exitDone, f.token+"\n", "-", "--vault-log", f.logPath, "--records", f.recordPath)
	for _, want := range []string{"request-1", "signet-eddsa", "approle", "127.0.0.1", "1 of 1 in the request", "shop", "user:?[31malice", "SESSION", f.logPath + ":2", f.recordPath + ":1"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "there is no signet.yaml") || strings.Contains(errs, "arguments") {
		t.Error(errs)
	}
	out, errs = f.run(exitDone, "", "--vault-log", f.logPath, "-o", "json", f.token)
	var report struct {
		Found      bool
		Signatures []struct {
			RequestID  string `json:"request_id"`
			KeyVersion int    `json:"key_version"`
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || !report.Found || len(report.Signatures) != 1 || report.Signatures[0].KeyVersion != 7 {
		t.Errorf("%v\n%s", err, out)
	}
	if !strings.Contains(errs, "others on this host can see arguments") {
		t.Error(errs)
	}
	if out, _ = f.run(exitDone, "", "--vault-log", f.logPath, "--", "-jti"); !strings.Contains(out, "found by") {
		t.Error(out)
	}
	log, err := os.ReadFile(f.logPath)
	if err != nil {
		t.Fatal(err)
	}
	f.run(exitDone, string(log), "--vault-log", "-", "--", "-jti")
	out, errs = f.run(exitFailed, "", "another-jti", "--vault-log", f.logPath)
	if !strings.Contains(errs, "no signature of it was found") || strings.Contains(out, "VAULT'S LOG") {
		t.Error(out, errs)
	}
}

func TestAuditTraceWrongUsage(t *testing.T) {
	f := newTraceFixture(t)
	for _, c := range []struct {
		want string
		args []string
	}{
		{"name a token or a jti", nil},
		{"2 arguments instead of one", []string{f.token, f.recordPath, "--vault-log", f.logPath}},
		{"--vault-log FILE", []string{"jti"}},
		{"says nothing", []string{"jti", "--vault-log", ""}},
		{"must be in files", []string{"jti", "--vault-log", f.logPath, "--records", "-"}},
		{"only one of the token", []string{"-", "--vault-log", "-"}},
		{"--audit-device", []string{"jti", "--vault-log", f.logPath, "--audit-device", "/"}},
		{"use table or json", []string{"jti", "--vault-log", f.logPath, "-o", "yaml"}},
		{"is none", []string{"eyJhbGciOi", "--vault-log", f.logPath}},
		{"neither a token nor a jti is given", []string{"-", "--vault-log", f.logPath}},
	} {
		if _, errs := f.run(exitUsage, "", c.args...); !strings.Contains(errs, c.want) {
			t.Errorf("%q: %s", c.args, errs)
		}
	}
	if _, errs := f.run(exitUsage, "", "jti", "--vault-log", filepath.Join(f.dir, "missing*")); !strings.Contains(errs, "there is no such file") {
		t.Error(errs)
	}
	f.run(exitFailed, "", "jti", "--vault-log", filepath.Join(f.dir, "missing"))
	f.run(exitFailed, "", "jti", "--vault-log", f.logPath, "--config", filepath.Join(f.dir, "missing.yaml"))
}

// TestAuditTracePatterns: rotated files are named by one pattern.
func TestAuditTracePatterns(t *testing.T) {
	f := newTraceFixture(t, "input", "reference", "key_version")
	out, _ := f.run(exitDone, f.token, "-", "--vault-log", f.logPath+"*", "--records", f.recordPath+"*")
	for _, want := range []string{f.logPath + ":2", f.recordPath + ":1"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestAuditTraceHashed asks Vault how the values stand in the log.
func TestAuditTraceHashed(t *testing.T) {
	f := newTraceFixture(t)
	args := []string{"-", "--vault-log", f.logPath, "--audit-device", "disk"}
	if _, errs := f.run(exitFailed, f.token, args...); !strings.Contains(errs, "hashed") || !strings.Contains(errs, "VAULT_ADDR") {
		t.Error(errs)
	}
	denied := false
	vault := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/auth/token/lookup-self" {
			_, _ = fmt.Fprint(w, `{"data":{"ttl":3600}}`)
			return
		}
		var in struct{ Input string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/sys/audit-hash/disk" || r.Header.Get("X-Vault-Token") != "auditors" {
			t.Errorf("%v %s", err, r.URL.Path)
		}
		if denied {
			w.WriteHeader(http.StatusForbidden)
			_, _ = fmt.Fprint(w, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"hash": vaultlogtest.New(nil, vaultlogtest.Config{}).Hash(in.Input)}})
	}))
	t.Cleanup(vault.Close)
	t.Setenv("VAULT_ADDR", vault.URL)
	if _, errs := f.run(exitFailed, f.token, args...); !strings.Contains(errs, "signet-auditor") {
		t.Error(errs)
	}
	t.Setenv("VAULT_TOKEN", "auditors")
	if out, _ := f.run(exitDone, f.token, args...); !strings.Contains(out, "request-1") || !strings.Contains(out, "input and reference") {
		t.Error(out)
	}
	denied = true
	if _, errs := f.run(exitFailed, f.token, args...); !strings.Contains(errs, "policy signet-auditor") {
		t.Error(errs)
	}
}
