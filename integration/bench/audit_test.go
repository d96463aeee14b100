package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"signet/audit/reconcile"
	"signet/audit/records"
	"signet/audit/vaultlog"
)

// TestAuditTargets: what is too slow or too large is said in the table, and is an
// error; without jq only the size is judged.
func TestAuditTargets(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run    auditRun
		missed int
		says   string
	}{
		"at the targets": {auditRun{TimesJQ: 10, Peak: 200 << 20}, 0, "10.0"},
		"too slow":       {auditRun{TimesJQ: 9.94, Peak: 1}, 1, ">= 10 times MISSED, <= 200 MB"},
		"too large":      {auditRun{TimesJQ: 11, Peak: 200<<20 + 1}, 1, ">= 10 times, <= 200 MB MISSED"},
		"both":           {auditRun{TimesJQ: 1, Peak: 300 << 20}, 2, "300 MB"},
		"no jq":          {auditRun{Peak: 1}, 0, "jq is not installed"},
	} {
		c.run.Name, c.run.AtLeast, c.run.AtMost = "signet audit reconcile", leastTimesJQ, mostAuditPeak
		r := results{Audit: &auditResult{Runs: []auditRun{{Name: "jq", Wall: time.Second}, c.run}}, Hashed: &hashedRow{Declarations: 77}}
		if name == "no jq" {
			r.Audit.NoJQ = "jq is not installed"
		}
		var out bytes.Buffer
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "MISSED"); n != c.missed || errors.Is(r.judge(), errMissed) != (c.missed > 0) {
			t.Errorf("%s: %v\n%s", name, r.judge(), out.String())
		}
		if !strings.Contains(out.String(), c.says) || !strings.Contains(out.String(), "77 declarations") {
			t.Errorf("%s: %q is missing from %s", name, c.says, out.String())
		}
		raw, err := json.Marshal(r)
		if err != nil || !bytes.Contains(raw, []byte(`"audit":{`)) || !bytes.Contains(raw, []byte(`"audit_hashed":{`)) {
			t.Errorf("%s: %v, %s", name, err, raw)
		}
	}
}

// TestMeasure: a program that fails is no measurement.
func TestMeasure(t *testing.T) {
	t.Parallel()
	run, err := measure(exec.CommandContext(t.Context(), "true"))
	if err != nil || run.Wall <= 0 || run.Peak <= 0 {
		t.Errorf("%+v, %v", run, err)
	}
	if _, err := measure(exec.CommandContext(t.Context(), "cat", "/does/not/exist")); err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("%v", err)
	}
}

// TestWrittenAudit: what the programs are measured on is an honest log of the
// size that was asked for.
func TestWrittenAudit(t *testing.T) {
	t.Parallel()
	files, err := writeAudit(t.TempDir(), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if files.logBytes < 1<<20 || files.logBytes > 1<<21 || files.recordBytes < 1<<20 || files.jti == "" {
		t.Errorf("%+v", files)
	}
	err = reconcile.Run(context.Background(), reconcile.Config{
		Log: reconcile.VaultLog(vaultlog.Options{
			Files: []string{files.log}, Interest: vaultlog.Interest{Mount: "transit", Keys: []string{auditRing}},
		}),
		Records: records.Config{Paths: files.records}, Keys: []reconcile.Key{{Name: auditRing}}, TempDir: t.TempDir(),
	}, func(r *reconcile.Result) error {
		if s := &r.Summary; s.Total() != 0 || s.Signatures != files.signatures || s.Declarations != files.signatures || len(s.Replicas) != auditReplicas {
			t.Errorf("%+v, want %d", s, files.signatures)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
