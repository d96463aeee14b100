package integration_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"signet/integration"
)

const operatorConfig = `issuer: https://tokens.example.com
vault:
  address: https://vault.example.com:8200
  auth: {method: approle, role_id: {file: role_id}, secret_id: {file: secret_id}}
rings:
  - {name: signet-es256, algorithm: ES256}
  - {name: signet-hs256, algorithm: HS256}
redis: {addresses: ["127.0.0.1:6379"], insecure: true}
`

// TestOperatorPolicy: `signet vault init` does all of its work under
// deploy/vault/operator.hcl, the second time as the first, and that policy
// cannot sign or take a key out.
func TestOperatorPolicy(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // a Vault of its own: the names are the default ones
	}
	vault := integration.NewVault(t)
	hcl, err := os.ReadFile(filepath.Join(integration.Root(), "deploy", "vault", "operator.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	vault.Must(t, http.MethodPut, "sys/policies/acl/operator", map[string]any{"policy": string(hcl)})
	_, body := vault.Do(t, vault.RootToken, http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"operator"}, "no_default_policy": true})
	auth, _ := body["auth"].(map[string]any)
	token, _ := auth["client_token"].(string)

	dir := t.TempDir()
	config := filepath.Join(dir, "signet.yaml")
	if err := os.WriteFile(config, []byte(operatorConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{"first", "second"} {
		cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), "vault", "init", "--config", config, "--dedicated-mount",
			"--credentials-dir", filepath.Join(dir, "issuer"), "--keeper-credentials-dir", filepath.Join(dir, "keeper"))
		cmd.Env = append(os.Environ(), "VAULT_ADDR="+vault.Addr, "VAULT_TOKEN="+token)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s run: %v\n%s", run, err, out)
		}
	}
	_, body = vault.Do(t, vault.RootToken, http.MethodGet, "sys/mounts/transit/tune", nil)
	if keys := fmt.Sprint(body["audit_non_hmac_request_keys"]); keys != "[input reference key_version]" {
		t.Errorf("readable in the audit log: %s", keys)
	}
	secret, err := os.ReadFile(filepath.Join(dir, "issuer", "secret_id"))
	if err != nil || len(strings.TrimSpace(string(secret))) == 0 {
		t.Errorf("no secret id was written: %v", err)
	}
	for what, path := range map[string]string{
		"sign": "transit/sign/signet-es256", "export": "transit/export/signing-key/signet-es256",
		"backup": "transit/backup/signet-es256", "rotate": "transit/keys/signet-es256/rotate",
	} {
		method := http.MethodPost
		if what == "export" || what == "backup" {
			method = http.MethodGet
		}
		if status, _ := vault.Do(t, token, method, path, map[string]any{}); status != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", what, status)
		}
	}
}
