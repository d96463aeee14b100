package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"signet/vaultkeys/vaultcheck"
)

// deadConfig names a Vault that is not there.
var deadConfig = strings.Replace(goodConfig, `"https://vault.example.com:8200"`, nowhere+", insecure: true", 1)

// TestVaultCheckWithoutVault: a file that is wrong is a finding, a Vault that
// does not answer is none.
func TestVaultCheckWithoutVault(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("HOME", t.TempDir())
	short := strings.Replace(deadConfig, "algorithm: ES256}", "algorithm: ES256, publish_delay: 10m}", 1)
	for name, c := range map[string]struct {
		files  map[string]string
		code   int
		stdout []string
		stderr string
	}{
		"a short delay": {map[string]string{"signet.yaml": short, "token": "x"}, 3, []string{
			"signet.yaml:4: rings[0].publish_delay: 10m is shorter than a verifier may keep an old key set", "write publish_delay: 1h5m20s or more",
			"unknown  vault: with this configuration Vault was not asked", "0 checks passed\n",
		}, "violations found"},
		"no YAML":     {map[string]string{"signet.yaml": "{"}, 3, []string{"fail     "}, "violations found"},
		"no secret":   {map[string]string{"signet.yaml": deadConfig}, 3, []string{"vault.auth.token", "unknown  vault: without these files Vault was not asked"}, "violations found"},
		"no Vault":    {map[string]string{"signet.yaml": deadConfig, "token": "x"}, 1, nil, "vault cannot be asked (vault.address is " + nowhere},
		"no file":     {nil, 1, nil, "signet.yaml"},
		"a bad token": {map[string]string{"signet.yaml": withVault(t), "token": "x"}, 3, []string{"fail     issuer: Vault refuses the login of vault.auth"}, "violations found"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := signet(t, "vault", "check", "--config", dir(t, c.files))
			if code != c.code || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, want %d: %s", code, c.code, stderr)
			}
			if c.code == 1 && stdout != "" {
				t.Errorf("stdout: %s", stdout)
			}
			for _, want := range c.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("stdout does not say %q:\n%s", want, stdout)
				}
			}
		})
	}
}

// withVault is a configuration for a Vault that refuses its token.
func withVault(t *testing.T) string {
	t.Helper()
	address, _ := fakeVault(t, 0)
	return strings.Replace(deadConfig, nowhere, address, 1)
}

func TestVaultCheckJSON(t *testing.T) {
	path := dir(t, map[string]string{"signet.yaml": deadConfig})
	code, stdout, _ := signet(t, "vault", "check", "--config", path, "-o", "json")
	var report vaultcheck.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 3 || len(report.Findings) != 2 {
		t.Fatalf("code %d, %v:\n%s", code, err, stdout)
	}
	f := report.Findings[0]
	if f.Severity != vaultcheck.Fail || !strings.HasPrefix(f.Where, path+":3: vault.auth.token") || !strings.Contains(f.Problem, filepath.Join(filepath.Dir(path), "token")) || f.Remedy == "" {
		t.Errorf("%+v", f)
	}
}

// TestNoFindingsIsAList: whoever reads the JSON gets a list, never null.
func TestNoFindingsIsAList(t *testing.T) {
	var out strings.Builder
	if err := printFindings(&out, vaultcheck.Report{Passed: 2}, outputJSON); err != nil || !strings.Contains(out.String(), `"findings": []`) {
		t.Errorf("%v %s", err, out.String())
	}
}
