package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// auditLogInside is where Vault writes it in a container. Not to the container's
// standard output: the daemon throws away what is older than some megabytes.
const auditLogInside = "/vault/logs/audit.log"

// EnableAudit has Vault keep an audit log, by the device "file". For tests
// selected by OnlyOn(t, Process, Docker): the log of an External Vault cannot be read.
func (v *Vault) EnableAudit(t testing.TB) {
	t.Helper()
	v.auditLog = filepath.Join(t.TempDir(), "vault-audit.log")
	path := v.auditLog
	if Current(t) == Docker {
		path = auditLogInside
	}
	v.Must(t, http.MethodPut, "sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": path}})
}

// AuditLog is a file with the audit log as it is now.
func (v *Vault) AuditLog(t testing.TB) string {
	t.Helper()
	if v.auditLog == "" {
		t.Fatal("the Vault keeps no audit log: call EnableAudit")
	}
	if Current(t) == Docker {
		if err := os.WriteFile(v.auditLog, v.inside(t, auditLogInside), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return v.auditLog
}

// Replicas is how many replicas were started.
func (s *Stack) Replicas() int { return len(s.signets) }

// Records is the file of the i-th replica's issuance records.
func (s *Stack) Records(i int) string { return s.signets[i].records }

// AllRecords are the files of all replicas'.
func (s *Stack) AllRecords() []string {
	all := make([]string, len(s.signets))
	for i := range s.signets {
		all[i] = s.Records(i)
	}
	return all
}

// recordsFile is where the replica of that configuration keeps its records.
func (s *Stack) recordsFile(config string) string {
	if s.options.Records != "" {
		return filepath.Join(s.options.Records, filepath.Base(config)+".jsonl")
	}
	return filepath.Join(s.dir, filepath.Base(config)+".jsonl")
}
