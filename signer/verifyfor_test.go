package signer_test

import (
	"errors"
	"testing"

	"signet/signer"
	"signet/signer/signertest"
)

// TestVerifyFor: a token that nobody wants costs the key holder nothing, and one
// that is wanted is checked all the same.
func TestVerifyFor(t *testing.T) {
	h := signertest.New(allRings()...)
	f := &forger{t: t, h: h, s: newSigner(h)}
	token := f.right("HS256")
	yes := func(signer.Claims) bool { return true }
	no := func(signer.Claims) bool { return false }
	if _, err := f.s.VerifyFor(t.Context(), token, signer.Asker{Client: "reader", Wants: no}); !errors.Is(err, signer.ErrInvalidToken) || h.MACChecks() != 0 {
		t.Errorf("unwanted: %v after %d checks, want ErrInvalidToken after none", err, h.MACChecks())
	}
	if got, err := f.s.VerifyFor(t.Context(), token, signer.Asker{Client: "reader", Wants: yes}); err != nil || got.Claims.Subject == "" || got.Key.Algorithm != signer.HS256 || got.Compact != token || h.MACChecks() != 1 {
		t.Errorf("wanted: %v after %d checks", err, h.MACChecks())
	}
	if asked := h.MACRequests(); asked[0].Client != "reader" {
		t.Errorf("the check counts for client %q", asked[0].Client)
	}
	forged := f.resigned("HS256", func(sig []byte) []byte { sig[0] ^= 1; return sig })
	if _, err := f.s.VerifyFor(t.Context(), forged, signer.Asker{Client: "reader", Wants: yes}); !errors.Is(err, signer.ErrInvalidToken) {
		t.Errorf("wanted and forged: %v", err)
	}
}
