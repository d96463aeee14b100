package integration_test

import (
	"testing"

	"signet/integration"
	"signet/vaultkeys/vaultinit/vaultinittest"
)

// TestPolicies: what Vault itself allows and refuses to issuer, keeper and
// auditor under the policies that `signet vault init` writes.
func TestPolicies(t *testing.T) {
	vault := integration.NewVault(t)
	vaultinittest.Run(t, vault, vault.Addr, vault.RootToken)
}
