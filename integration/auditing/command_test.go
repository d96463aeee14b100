package auditing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"signet/integration"
)

// auditor runs the audit commands as an auditor does: with a token that has the
// policy signet-auditor and nothing else.
type auditor struct {
	stack *integration.Stack
	token string
}

func newAuditor(t *testing.T, stack *integration.Stack) *auditor {
	t.Helper()
	_, body := stack.Vault.Do(t, stack.Vault.RootToken, http.MethodPost, "auth/token/create",
		map[string]any{"policies": []string{"signet-auditor"}, "no_default_policy": true})
	auth, _ := body["auth"].(map[string]any)
	token, _ := auth["client_token"].(string)
	if token == "" {
		t.Fatalf("no token for the auditor: %v", body)
	}
	return &auditor{stack, token}
}

// run is `signet audit ...` with -o json; it returns the exit code too.
func (a *auditor) run(t *testing.T, stdin string, out any, args ...string) int {
	t.Helper()
	args = append([]string{"audit"}, append(args, "--config", a.stack.Config(0), "-o", "json")...)
	cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), args...)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+a.stack.Vault.Addr, "VAULT_TOKEN="+a.token)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader([]byte(stdin)), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("signet %v: %v\n%s", args, err, stderr.String())
	}
	return cmd.ProcessState.ExitCode()
}

// finding is one of `signet audit reconcile`.
type finding struct {
	Kind      string `json:"kind"`
	RequestID string `json:"request_id"`
	JTI       string `json:"jti"`
	Path      string `json:"path"`
	Replica   string `json:"replica"`
	Record    string `json:"record"`
	Message   string `json:"message"`
	Item      *int   `json:"item"`
	Who       struct {
		DisplayName string `json:"display_name"`
	} `json:"who"`
}

type reconciled struct {
	Findings []finding      `json:"findings"`
	Summary  map[string]any `json:"summary"`
}

// files are arguments that name files.
func files(flag string, paths []string) []string {
	var args []string
	for _, p := range paths {
		args = append(args, flag, p)
	}
	return args
}

// reconcile compares a log with records.
func (a *auditor) reconcile(t *testing.T, log string, records []string) (reconciled, int) {
	t.Helper()
	var out reconciled
	args := append([]string{"reconcile", "--vault-log", log}, files("--records", records)...)
	code := a.run(t, "", &out, args...)
	return out, code
}

// wantNothing is what an honest system leaves.
func (a *auditor) wantNothing(t *testing.T, when string) {
	t.Helper()
	log := a.copyLog(t) // first: what is signed meanwhile is declared in the records
	got, code := a.reconcile(t, log, a.copyRecords(t))
	if code != 0 || len(got.Findings) > 0 {
		t.Errorf("%s: exit code %d, %d findings, the first %+v", when, code, len(got.Findings), first(got.Findings))
	}
	t.Logf("%s: %v", when, got.Summary)
}

func first(all []finding) finding {
	if len(all) == 0 {
		return finding{}
	}
	return all[0]
}

// copyRecords copies them as they are now.
func (a *auditor) copyRecords(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	var copies []string
	for _, path := range a.stack.AllRecords() {
		copies = append(copies, filepath.Join(dir, filepath.Base(path)))
		copyLines(t, path, copies[len(copies)-1])
	}
	return copies
}

func (a *auditor) copyLog(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "vault-audit.log")
	copyLines(t, a.stack.Vault.AuditLog(t), to)
	return to
}

// copyLines copies the whole lines of a file; the last one may be half written.
func copyLines(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text[:bytes.LastIndexByte(text, '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
}
