package issuer_test

import (
	"testing"

	"signet/issuer"
)

// TestOthersTokensCostVaultNothing: only Vault can check an HS256 token, and it
// is asked for those alone whom the token concerns, on their account.
func TestOthersTokensCostVaultNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token("mac", issuer.ClientCredentialsRequest{})
	if h.active("gateway", token) != nil {
		t.Error("a client without the token's audience is told of it")
	}
	if err := h.Revoke(t.Context(), h.client("login"), token); err != nil {
		t.Errorf("revoking another client's token: %v", err)
	}
	if n := h.holder.MACChecks(); n != 0 {
		t.Errorf("Vault was asked %d times", n)
	}
	if h.active("login", token) == nil {
		t.Error("inactive for its audience")
	}
	if err := h.Revoke(t.Context(), h.client("mac"), token); err != nil {
		t.Error(err)
	}
	if h.active("login", token) != nil {
		t.Error("active after its revocation")
	}
	var askers []string
	for _, req := range h.holder.MACRequests() {
		askers = append(askers, req.Client)
	}
	if len(askers) != 3 || askers[0] != "login" || askers[1] != "mac" || askers[2] != "login" {
		t.Errorf("asked on account of %q", askers)
	}
}
