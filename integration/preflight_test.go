package integration_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// TestPreflight: `signet serve` looks at its own rights at start, says what is
// wrong, and serves all the same.
func TestPreflight(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // it spoils the policy that other tests share
	}
	for name, c := range map[string]struct {
		damage     func(*integration.Stack)
		fail, warn string
		says       []string
	}{
		"Right": {func(*integration.Stack) {}, "0", "0", nil},
		"Broken": {func(s *integration.Stack) {
			s.Vault.Configure(t, "signet-es256", map[string]any{"deletion_allowed": true})
			policy, _ := s.Vault.Must(t, http.MethodGet, "sys/policies/acl/signet-issuer", nil)["policy"].(string)
			s.Vault.Must(t, http.MethodPut, "sys/policies/acl/signet-issuer", map[string]any{"policy": policy + "\npath \"transit/keys/signet-es256/rotate\" { capabilities = [\"update\"] }\n"})
		}, "1", "1", []string{
			`"level":"ERROR","msg":"vault check: may rotate a key: transit/keys/signet-es256/rotate (update)`, `"where":"issuer","remedy":"` + "`signet vault init --config ",
			`"level":"WARN","msg":"vault check: may be deleted by whoever has the right`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			signet := integration.New(t, &integration.Options{BeforeServe: c.damage}).Signet(0)
			integration.Eventually(t, 30*time.Second, "the check is done", func() bool { return strings.Contains(signet.Log(), `"msg":"vault check done"`) })
			for _, want := range append(c.says, `"level":"INFO","msg":"vault check: only an operator may read it`) {
				if !strings.Contains(signet.Log(), want) {
					t.Errorf("the log does not say %s", want)
				}
			}
			metrics := signet.Ops(t, "/metrics")
			for severity, want := range map[string]string{"fail": c.fail, "warn": c.warn, "unknown": "1"} {
				if line := `signet_vault_check_findings{severity="` + severity + `"} ` + want + "\n"; !strings.Contains(metrics, line) {
					t.Errorf("no metric %s", line)
				}
			}
			if signet.Probe("/readyz/sign") != http.StatusOK {
				t.Error("it does not serve")
			}
		})
	}
}
