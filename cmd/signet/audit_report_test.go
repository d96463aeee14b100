package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/report"
)

// recordsFile is a file of one start and one token, which is issued; what comes
// of it is its path and its lines.
func recordsFile(t *testing.T) (path string, lines [][]byte) {
	t.Helper()
	at := time.Now().Add(-time.Hour)
	prev := ""
	for i, r := range []audit.Record{
		{Event: audit.EventStart},
		{Event: audit.EventToken, Batch: 2, JTI: "j", ClientID: "<b>orders", Grant: "client_credentials", Audience: []string{"a"}, Ring: "es", KeyVersion: 1},
		{Event: audit.EventBatch, Batch: 2, Items: 1, Outcome: audit.OutcomeIssued},
		{Event: audit.EventStop},
	} {
		r.V, r.Seq, r.Time, r.Replica, r.Prev = audit.Version, uint64(i+1), at.Add(time.Duration(i)*time.Second), "signet-0", prev
		line := r.Append(nil)
		prev = audit.Hash(sha256.Sum256(line)).String()
		lines = append(lines, append(line, '\n'))
	}
	path = filepath.Join(t.TempDir(), "records.jsonl")
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, lines
}

const vaultLog = "../../audit/report/feed/testdata/vault-1.21.2.log"

func TestAuditReport(t *testing.T) {
	f := newKeysFixture(t)
	path, _ := recordsFile(t)
	out := filepath.Join(t.TempDir(), "report.html")
	args := []string{"audit", "report", "--config", f.config, "--records", path, "--vault-log", vaultLog}
	code, stdout, stderr := signet(t, append(args, "--out", out)...)
	if code != exitDone || !strings.Contains(stdout, out+": 1 tokens of 1 declarations, chain intact, 0 events to look at, key ages ok") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	page, err := os.ReadFile(out)
	if err != nil || !bytes.Contains(page, []byte("&lt;b&gt;orders")) || !bytes.Contains(page, []byte("Vault, 20")) {
		t.Errorf("%v\n%s", err, page)
	}
	if info, err := os.Stat(out); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: it names clients and subjects", err, info.Mode())
	}
	code, stdout, stderr = signet(t, append(args, "--format", "csv")...)
	if code != exitDone || !strings.Contains(stdout, "tokens_by_client,<b>orders,1\n") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	var r report.Report
	args[5] = filepath.Join(filepath.Dir(path), "rec*.jsonl")
	code, stdout, stderr = signet(t, append(args, "--format", "json", "--period", "week")...)
	if err := json.Unmarshal([]byte(stdout), &r); code != exitDone || err != nil || r.V != report.Version || r.Period != report.Week || r.Summary.Tokens != 1 {
		t.Errorf("exit code %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if v := r.Keys.Versions; len(v) != 1 || v[0].Source != report.FromVault || v[0].Verdict != report.WithinLimits || v[0].LastSigned.IsZero() {
		t.Errorf("%+v", r.Keys)
	}
}

func TestAuditReportWithoutVault(t *testing.T) {
	f := newKeysFixture(t)
	path, _ := recordsFile(t)
	for name, spoil := range map[string]func(){
		"sealed":   func() { f.sealed.Store(true) },
		"no token": func() { t.Setenv("VAULT_TOKEN", ""); t.Setenv("HOME", t.TempDir()) },
	} {
		spoil()
		var r report.Report
		code, stdout, stderr := signet(t, "audit", "report", "--config", f.config, "--records", path, "--format", "json")
		if err := json.Unmarshal([]byte(stdout), &r); code != exitDone || err != nil {
			t.Fatalf("%s: exit code %d, %v\n%s%s", name, code, err, stdout, stderr)
		}
		if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "Key ages are not from Vault itself: ") || r.Summary.Keys != report.UnknownAge {
			t.Errorf("%s: %q, %s", name, r.Notes, r.Summary.Keys)
		}
	}
}

func TestAuditReportOfABrokenChain(t *testing.T) {
	f := newKeysFixture(t)
	path, lines := recordsFile(t)
	if err := os.WriteFile(path, bytes.Join([][]byte{lines[0], lines[1], lines[3]}, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "report.html")
	code, stdout, stderr := signet(t, "audit", "report", "--config", f.config, "--records", path, "--out", out)
	if code != exitFound || !strings.Contains(stderr, "broken in 1 places: signet audit reconcile") || !strings.Contains(stdout, "chain broken") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if page, err := os.ReadFile(out); err != nil || !bytes.Contains(page, []byte(`role="alert"`)) {
		t.Errorf("%v\n%s", err, page)
	}
}

func TestAuditReportRefuses(t *testing.T) {
	f := newKeysFixture(t)
	path, _ := recordsFile(t)
	for line, c := range map[string]struct {
		code int
		says string
	}{
		"":                            {exitUsage, `required flag(s) "records" not set`},
		"--records FILE":              {exitUsage, "name the file with --out"},
		"--records FILE --format xml": {exitUsage, "use html, json or csv"},
		"--records FILE --format csv --period month":                                            {exitUsage, "use hour, day or week"},
		"--records FILE --format csv --since yesterday":                                         {exitUsage, "write a time such as"},
		"--records FILE --format csv --until 2026-10-01":                                        {exitUsage, "write a time such as"},
		"--records - --vault-log - --format csv":                                                {exitUsage, "standard input"},
		"--records= --format csv":                                                               {exitUsage, "an empty file name"},
		"--records FILE --format csv more":                                                      {exitUsage, `unknown argument "more"`},
		"--records /nowhere/r --format csv":                                                     {exitFailed, "/nowhere/r"},
		"--records FILE --vault-log /nowhere/v --format csv":                                    {exitFailed, "/nowhere/v"},
		"--records FILE --out /nowhere/report.html":                                             {exitFailed, "/nowhere"},
		"--records FILE --format csv --since 2026-10-02T00:00:00Z --until 2026-10-01T00:00:00Z": {exitUsage, "is not before"},
	} {
		args := strings.Fields(strings.ReplaceAll(line, "FILE", path))
		code, stdout, stderr := signet(t, append([]string{"audit", "report", "--config", f.config}, args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%q: exit code %d, want %d and %q\n%s%s", line, code, c.code, c.says, stdout, stderr)
		}
	}
}

func TestReplaceFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failing := func(out io.Writer) error {
		_, _ = out.Write([]byte("half"))
		return errors.New("broken off")
	}
	if err := replaceFile(path, failing); err == nil {
		t.Error("no error")
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%v, %q", err, got)
	}
	if err := replaceFile(path, func(out io.Writer) error { _, err := out.Write([]byte("new")); return err }); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("%v, %q", err, got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v is left", err, left)
	}
	if err := replaceFile(os.DevNull, func(out io.Writer) error { _, err := out.Write([]byte("gone")); return err }); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", err, info)
	}
}
