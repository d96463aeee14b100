package vaultserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/devstack/vaultserver"
)

func start(t *testing.T, cfg vaultserver.Config) (server *vaultserver.Server, url string) {
	t.Helper()
	server, url, err := tryStart(t, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return server, url
}

func tryStart(t *testing.T, cfg vaultserver.Config) (*vaultserver.Server, string, error) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listener = listener
	server, err := vaultserver.Start(t.Context(), cfg)
	if err != nil {
		_ = listener.Close()
		return nil, "", err
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return server, "http://" + listener.Addr().String(), nil
}

// call asks Vault and returns the status and the reply's data.
func call(t *testing.T, token, method, url string, body any) (int, map[string]any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct {
		Data map[string]any `json:"data"`
		Auth map[string]any `json:"auth"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &reply); err != nil {
			t.Fatalf("%s %s: %v in %s", method, url, err, raw)
		}
	}
	if reply.Auth != nil {
		return resp.StatusCode, reply.Auth
	}
	return resp.StatusCode, reply.Data
}

func want(t *testing.T, got, status int) {
	t.Helper()
	if got != status {
		t.Fatalf("status %d, want %d", got, status)
	}
}

func must(t *testing.T, token, method, url string, body any) map[string]any {
	t.Helper()
	status, data := call(t, token, method, url, body)
	if status/100 != 2 {
		t.Fatalf("%s %s: status %d", method, url, status)
	}
	return data
}

// sign has the transit key k sign something.
func sign(t *testing.T, token, url string) int {
	t.Helper()
	input := base64.StdEncoding.EncodeToString([]byte("input"))
	status, _ := call(t, token, http.MethodPost, url+"/v1/transit/sign/k", map[string]string{"input": input})
	return status
}

func TestSignsAuditsAndLogsInByAppRole(t *testing.T) {
	_, url := start(t, vaultserver.Config{RootToken: "root"})
	log := filepath.Join(t.TempDir(), "audit.log")
	must(t, "root", http.MethodPut, url+"/v1/sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": log}})
	must(t, "root", http.MethodPost, url+"/v1/sys/mounts/transit", map[string]string{"type": "transit"})
	must(t, "root", http.MethodPost, url+"/v1/transit/keys/k", map[string]string{"type": "ecdsa-p256"})
	must(t, "root", http.MethodPost, url+"/v1/sys/auth/approle", map[string]string{"type": "approle"})
	must(t, "root", http.MethodPost, url+"/v1/auth/approle/role/r", map[string]any{"token_policies": "none"})
	role := must(t, "root", http.MethodGet, url+"/v1/auth/approle/role/r/role-id", nil)["role_id"]
	secret := must(t, "root", http.MethodPost, url+"/v1/auth/approle/role/r/secret-id", nil)["secret_id"]

	login := must(t, "", http.MethodPost, url+"/v1/auth/approle/login", map[string]any{"role_id": role, "secret_id": secret})
	token, ok := login["client_token"].(string)
	if !ok {
		t.Fatal("the login answers without a token")
	}
	want(t, sign(t, token, url), http.StatusForbidden)
	want(t, sign(t, "root", url), http.StatusOK)
	want(t, sign(t, "guess", url), http.StatusForbidden)

	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), `"path":"transit/sign/k"`) {
		t.Errorf("the audit log does not show the signature:\n%s", raw)
	}
}

func TestReopensTheAuditLogAfterARotation(t *testing.T) {
	server, url := start(t, vaultserver.Config{RootToken: "root"})
	log := filepath.Join(t.TempDir(), "audit.log")
	must(t, "root", http.MethodPut, url+"/v1/sys/audit/file", map[string]any{"type": "file", "options": map[string]string{"file_path": log}})
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	if err := server.ReopenAudit(); err != nil {
		t.Fatal(err)
	}
	must(t, "root", http.MethodGet, url+"/v1/sys/mounts", nil)
	raw, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(raw), "sys/mounts") {
		t.Errorf("the new file has %q (%v), want the last request", raw, err)
	}
}

func TestSealsAndUnseals(t *testing.T) {
	server, url := start(t, vaultserver.Config{RootToken: "root"})
	must(t, "root", http.MethodPost, url+"/v1/sys/mounts/transit", map[string]string{"type": "transit"})
	must(t, "root", http.MethodPost, url+"/v1/transit/keys/k", map[string]string{"type": "ed25519"})
	for range 3 { // the printed key must go on working
		must(t, "root", http.MethodPut, url+"/v1/sys/seal", nil)
		want(t, sign(t, "root", url), http.StatusServiceUnavailable)
		must(t, "", http.MethodPut, url+"/v1/sys/unseal", map[string]string{"key": server.UnsealKey})
		deadline := time.Now().Add(10 * time.Second)
		for sign(t, "root", url) != http.StatusOK {
			if time.Now().After(deadline) {
				t.Fatal("signs nothing 10 s after the unseal")
			}
		}
	}
}

func TestChoosesARootTokenItself(t *testing.T) {
	server, url := start(t, vaultserver.Config{})
	if len(server.RootToken) < 20 {
		t.Fatalf("root token of %d characters", len(server.RootToken))
	}
	must(t, server.RootToken, http.MethodGet, url+"/v1/sys/mounts", nil)
}

func TestStorageSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	cfg := vaultserver.Config{Storage: dir, RootToken: "root"}
	first, url := start(t, cfg)
	must(t, "root", http.MethodPost, url+"/v1/sys/mounts/transit", map[string]string{"type": "transit"})
	must(t, "root", http.MethodPost, url+"/v1/transit/keys/k", map[string]string{"type": "ecdsa-p256"})
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	second, url := start(t, vaultserver.Config{Storage: dir, RootToken: "ignored"})
	if second.RootToken != "root" || second.UnsealKey != first.UnsealKey {
		t.Error("the keys changed over the restart")
	}
	want(t, sign(t, "root", url), http.StatusOK)

	info, err := os.Stat(filepath.Join(dir, "keys.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("keys file: %v (%v), want mode 0600", info, err)
	}
}

func TestSaysWhatIsWrongWithTheStorage(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"its unseal key":   os.Remove,
		"reading vault's":  func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
		"decoding the uns": func(path string) error { return os.WriteFile(path, []byte(`{"unseal_key":"*"}`), 0o600) },
		"unsealing vault":  func(path string) error { return os.WriteFile(path, []byte(`{"unseal_key":"AAAA"}`), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			server, _ := start(t, vaultserver.Config{Storage: dir})
			if err := server.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(dir, "keys.json")); err != nil {
				t.Fatal(err)
			}
			_, _, err := tryStart(t, vaultserver.Config{Storage: dir})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want one about %q", err, name)
			}
		})
	}
}

// HTTP clients dial in reserve; a connection that asks nothing is no reason to wait.
func TestClosesUnusedConnectionsAtOnce(t *testing.T) {
	server, url := start(t, vaultserver.Config{RootToken: "root"})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// Accepted in order: once this is answered, the server has the one before.
	must(t, "root", http.MethodGet, url+"/v1/sys/mounts", nil)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // Shutdown alone takes 5
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestRaftRestoresSnapshots: what was made after a snapshot is gone with its
// restore, and the server goes on.
func TestRaftRestoresSnapshots(t *testing.T) {
	_, url := start(t, vaultserver.Config{Storage: t.TempDir(), Raft: true, RootToken: "root"})
	must(t, "root", http.MethodPost, url+"/v1/sys/mounts/transit", map[string]string{"type": "transit"})
	snapshot := raw(t, http.MethodGet, url+"/v1/sys/storage/raft/snapshot", nil)
	must(t, "root", http.MethodPost, url+"/v1/transit/keys/k", map[string]string{"type": "ed25519"})
	want(t, sign(t, "root", url), http.StatusOK)
	raw(t, http.MethodPost, url+"/v1/sys/storage/raft/snapshot-force", snapshot)
	deadline := time.Now().Add(30 * time.Second)
	for sign(t, "root", url) != http.StatusBadRequest { // no such key
		if time.Now().After(deadline) {
			t.Fatal("30 s after the restore the key is still there, or nothing is")
		}
	}
	must(t, "root", http.MethodPost, url+"/v1/transit/keys/k", map[string]string{"type": "ed25519"})
	want(t, sign(t, "root", url), http.StatusOK)
}

// raw sends and returns bytes that are no JSON.
func raw(t *testing.T, method, url string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", "root")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	out, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: status %d, %v: %s", method, url, resp.StatusCode, err, out)
	}
	return out
}
