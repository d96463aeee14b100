package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// fakeVault answers as a Vault that is sealed for the first requests, and then
// knows one token and has nothing mounted.
func fakeVault(t *testing.T, sealedFor int32) (address string, requests *atomic.Int32) {
	t.Helper()
	requests = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := http.StatusOK, `{"data":{}}`
		switch {
		case requests.Add(1) <= sealedFor:
			status, body = http.StatusServiceUnavailable, `{"errors":["Vault is sealed"]}`
		case r.Header.Get("X-Vault-Token") != "operators" || r.Header.Get("X-Vault-Namespace") != "team":
			status, body = http.StatusForbidden, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`
		case strings.HasPrefix(r.URL.Path, "/v1/transit/keys/"), strings.Contains(r.URL.Path, "/role/"), strings.HasPrefix(r.URL.Path, "/v1/sys/policies/"):
			status, body = http.StatusNotFound, `{"errors":[]}`
		case r.Method != http.MethodGet:
			t.Errorf("a dry run wrote: %s %s", r.Method, r.URL.Path)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// vaultInitCommand runs `signet vault init` in an environment of its own.
func vaultInitCommand(t *testing.T, env map[string]string, args ...string) (out, progress string, err error) {
	t.Helper()
	for _, name := range []string{"VAULT_ADDR", "VAULT_TOKEN", "VAULT_NAMESPACE", "VAULT_CACERT"} {
		t.Setenv(name, env[name])
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	if token := env["~/.vault-token"]; token != "" {
		if err := os.WriteFile(filepath.Join(home, ".vault-token"), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(home, "signet.yaml")
	if err := os.WriteFile(path, []byte(`issuer: https://tokens.example.com
vault:
  address: `+env["config address"]+`
  namespace: team
  insecure: true
  auth: {method: token, token: {env: NOBODYS}}
rings:
  - {name: signet-es256, algorithm: ES256}
redis: {tls: {}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := newVaultCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var stdout, stderr bytes.Buffer
	cmd.SetOut(&stdout)
	cmd.SetErr(&stderr)
	cmd.SetArgs(append([]string{"init", "--config", path, "--dry-run"}, args...))
	err = cmd.ExecuteContext(t.Context())
	return stdout.String(), stderr.String(), err
}

const nowhere = "http://127.0.0.1:1" // nothing listens on port 1

func TestVaultInitFindsTheOperator(t *testing.T) {
	address, _ := fakeVault(t, 0)
	for name, env := range map[string]map[string]string{
		"all from the configuration, token from the home directory": {"config address": address, "~/.vault-token": "operators\n"},
		"VAULT_TOKEN before the home directory":                     {"config address": address, "VAULT_TOKEN": "operators", "~/.vault-token": "another"},
		"VAULT_ADDR before the configuration":                       {"config address": nowhere, "VAULT_ADDR": address, "VAULT_TOKEN": "operators"},
		"VAULT_NAMESPACE":                                           {"config address": address, "VAULT_NAMESPACE": "team", "VAULT_TOKEN": "operators"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := vaultInitCommand(t, env)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out, "would make   key            transit/keys/signet-es256") || !strings.Contains(out, "address: "+env["config address"]) {
				t.Errorf("printed:\n%s", out)
			}
		})
	}
}

func TestVaultInitSaysWhatIsWrong(t *testing.T) {
	address, _ := fakeVault(t, 0)
	sealed, _ := fakeVault(t, 1<<30)
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"no token":          {map[string]string{"config address": address}, []string{"no Vault token", "VAULT_TOKEN", "~/.vault-token"}},
		"a wrong token":     {map[string]string{"config address": address, "VAULT_TOKEN": "wrong"}, []string{"the token of VAULT_TOKEN is refused"}},
		"a wrong file":      {map[string]string{"config address": address, "~/.vault-token": "wrong"}, []string{".vault-token is refused"}},
		"another namespace": {map[string]string{"config address": address, "VAULT_NAMESPACE": "other", "VAULT_TOKEN": "operators"}, []string{"is refused"}},
		"nothing there":     {map[string]string{"config address": nowhere, "VAULT_TOKEN": "operators"}, []string{nowhere, "it does not answer"}},
		"sealed":            {map[string]string{"config address": sealed, "VAULT_TOKEN": "operators"}, []string{"it is sealed"}},
		"no CA file":        {map[string]string{"config address": address, "VAULT_TOKEN": "operators", "VAULT_CACERT": "/nowhere.pem"}, []string{"/nowhere.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := vaultInitCommand(t, c.env)
			if err == nil {
				t.Fatalf("no error:\n%s", out)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			for _, secret := range []string{"operators", "wrong"} {
				if c.env["VAULT_TOKEN"] == secret && strings.Contains(err.Error(), secret) {
					t.Errorf("the token is in the error: %v", err)
				}
			}
		})
	}
}

func TestVaultInitWaits(t *testing.T) {
	address, requests := fakeVault(t, 2)
	out, progress, err := vaultInitCommand(t, map[string]string{"config address": address, "VAULT_TOKEN": "operators"}, "--wait", "1m")
	if err != nil {
		t.Fatal(err)
	}
	if n := requests.Load(); n < 5 {
		t.Errorf("only %d requests", n)
	}
	if strings.Count(progress, "it is sealed") != 1 || !strings.Contains(out, "would make") {
		t.Errorf("progress %q, output:\n%s", progress, out)
	}
}
