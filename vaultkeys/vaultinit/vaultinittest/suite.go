package vaultinittest

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultinit"
)

// Vault is a real server; *integration.Vault fits it.
type Vault interface {
	// Do calls the API with a token and returns the status and the decoded body.
	Do(t testing.TB, token, method, path string, body any) (int, map[string]any)
	// Login logs in at auth/approle and returns the token.
	Login(t testing.TB, roleID, secretID string) string
}

// suite is a Vault that vaultinit has prepared, and a token of each role.
type suite struct {
	vault                         Vault
	addr                          string
	root, issuer, keeper, auditor string
	dir                           string // of the credentials
}

// victim is the ring that the refusals are aimed at and that root may spoil.
const victim = "policy-victim"

const macKey = "policy-refresh"

func ringOf(alg signer.Algorithm) string { return "policy-" + strings.ToLower(string(alg)) }

func rings() []vaultkeys.RingConfig {
	policy := lifecycle.Policy{
		PublishDelay: time.Hour, MaxTTL: time.Hour, RotationPeriod: 24 * time.Hour, RetireMargin: time.Minute,
		RefreshInterval: 10 * time.Second, ClockSkew: 5 * time.Second,
	}
	out := []vaultkeys.RingConfig{{Name: victim, Algorithm: signer.ES256, Policy: policy}}
	for _, alg := range signer.Algorithms() {
		out = append(out, vaultkeys.RingConfig{Name: ringOf(alg), Algorithm: alg, Policy: policy})
	}
	return out
}

// Run prepares the Vault at addr with vaultinit, and checks the policies with
// tokens of the very roles that it made.
func Run(t *testing.T, vault Vault, addr, rootToken string) {
	s := &suite{vault: vault, addr: addr, root: rootToken, dir: t.TempDir()}
	s.init(t)
	s.issuer, s.keeper = s.login(t, "issuer"), s.login(t, "keeper")
	s.auditor = s.tokenOf(t, vaultinit.Auditor)

	t.Run("AgainChangesNothing", s.again)
	t.Run("Tokens", s.tokens)
	t.Run("Issuer", func(t *testing.T) {
		t.Run("Signs", s.issuerSigns)
		t.Run("Derives", s.issuerDerives)
		t.Run("Refused", s.issuerRefused)
	})
	t.Run("Keeper", s.keeperRole)
	t.Run("Auditor", s.auditorRole)
}

func (s *suite) config(t *testing.T, out io.Writer) vaultinit.Config {
	t.Helper()
	return vaultinit.Config{Conn: s.conn(t, s.root), Rings: rings(), MACKey: macKey, CredentialsDir: filepath.Join(s.dir, "issuer"), KeeperCredentialsDir: filepath.Join(s.dir, "keeper"), Out: out}
}

func (s *suite) init(t *testing.T) {
	t.Helper()
	var out strings.Builder
	if err := vaultinit.Run(t.Context(), s.config(t, &out)); err != nil {
		t.Fatalf("vault init: %v\n%s", err, out.String())
	}
	// The device "file", whose hashes the auditor asks for. Discarded: another
	// test may have one already, on a Vault that is shared.
	status, body := s.vault.Do(t, s.root, http.MethodPut, "sys/audit/file", map[string]any{
		"type": "file", "options": map[string]string{"file_path": "discard"},
	})
	if status/100 != 2 && !strings.Contains(strings.Join(messages(body), " "), "already in use") {
		t.Fatalf("enabling the audit device: %d %v", status, body)
	}
}

// conn is Signet's own client with the given token.
func (s *suite) conn(t *testing.T, token string) *vaultapi.Conn {
	t.Helper()
	c, err := vaultapi.New(vaultapi.Config{
		Address: s.addr, Login: vaultapi.Token(func() (string, error) { return token, nil }),
		Timeout: 30 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// login uses the credential files, as Signet does.
func (s *suite) login(t *testing.T, dir string) string {
	t.Helper()
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join(s.dir, dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(raw))
	}
	return s.vault.Login(t, read("role_id"), read("secret_id"))
}

// tokenOf is a token with one policy, as a person's login would give it.
func (s *suite) tokenOf(t *testing.T, policy string) string {
	t.Helper()
	_, body := s.vault.Do(t, s.root, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{policy}, "no_default_policy": true})
	auth, _ := body["auth"].(map[string]any)
	token, ok := auth["client_token"].(string)
	if !ok {
		t.Fatalf("creating a token: %v", body)
	}
	return token
}

// again: a second run finds everything right and no version moved.
func (s *suite) again(t *testing.T) {
	before := s.versions(t)
	var out strings.Builder
	cfg := s.config(t, &out)
	cfg.CredentialsDir, cfg.KeeperCredentialsDir = "", ""
	if err := vaultinit.Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		for _, changed := range []string{"made ", "changed ", "written "} {
			if strings.HasPrefix(line, changed) {
				t.Errorf("the second run: %s", line)
			}
		}
	}
	if want := len(rings()) + 8; strings.Count(out.String(), "present ") != want {
		t.Errorf("want %d things present:\n%s", want, out.String())
	}
	if after := s.versions(t); !slices.Equal(before, after) {
		t.Errorf("versions %v became %v", before, after)
	}
}

func (s *suite) versions(t *testing.T) []float64 {
	t.Helper()
	var out []float64
	for _, r := range rings() {
		data := s.data(t, s.root, http.MethodGet, "transit/keys/"+r.Name, nil)
		latest, ok := data["latest_version"].(float64)
		if !ok {
			t.Fatalf("%s has no latest_version: %v", r.Name, data)
		}
		out = append(out, latest)
	}
	return out
}

// data wants a 2xx and returns its data.
func (s *suite) data(t *testing.T, token, method, path string, body any) map[string]any {
	t.Helper()
	status, out := s.vault.Do(t, token, method, path, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %v", method, path, status, messages(out))
	}
	data, _ := out["data"].(map[string]any) // a 204 has none
	return data
}

// refused wants Vault's policy to say no: 403, and not for a dead token.
func (s *suite) refused(t *testing.T, token, method, path string, body any) {
	t.Helper()
	status, out := s.vault.Do(t, token, method, path, body)
	text := strings.Join(messages(out), " ")
	if status != http.StatusForbidden || strings.Contains(text, "invalid token") || !strings.Contains(text, "permission denied") {
		t.Errorf("%s %s %v: %d %q, want 403 by policy", method, path, body, status, text)
	}
}

func messages(body map[string]any) []string {
	var out []string
	list, _ := body["errors"].([]any)
	for _, m := range list {
		if text, ok := m.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
