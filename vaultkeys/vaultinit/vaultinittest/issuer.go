package vaultinittest

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultinit"
)

// tokens: each role has its own policy alone, and may look after its own token.
func (s *suite) tokens(t *testing.T) {
	for role, token := range map[string]string{vaultinit.Issuer: s.issuer, vaultinit.Keeper: s.keeper, vaultinit.Auditor: s.auditor} {
		t.Run(role, func(t *testing.T) {
			self := s.data(t, token, http.MethodGet, "auth/token/lookup-self", nil)
			all := append(texts(self["policies"]), texts(self["identity_policies"])...)
			if !slices.Equal(all, []string{role}) {
				t.Errorf("policies %v, want %s alone, not even default", all, role)
			}
			if self["type"] != "service" || self["renewable"] != true {
				t.Errorf("type %v, renewable %v: want a renewable service token", self["type"], self["renewable"])
			}
			s.data(t, token, http.MethodPost, "auth/token/renew-self", body{})
			s.refused(t, token, http.MethodPost, "auth/token/create", body{})
			s.refused(t, token, http.MethodPost, "auth/token/lookup", body{"token": s.root})
		})
	}
	t.Run("RevokeSelf", func(t *testing.T) {
		token := s.login(t, "issuer")
		s.data(t, token, http.MethodPost, "auth/token/revoke-self", nil)
		if status, _ := s.vault.Do(t, token, http.MethodGet, "auth/token/lookup-self", nil); status != http.StatusForbidden {
			t.Errorf("a revoked token still answers: %d", status)
		}
	})
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, 0, len(list))
	for _, e := range list {
		if text, ok := e.(string); ok {
			out = append(out, text)
		}
	}
	return out
}

// issuerSigns: Signet's own code signs with every algorithm, and what it gets
// verifies.
func (s *suite) issuerSigns(t *testing.T) {
	conn := s.conn(t, s.issuer)
	known := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: conn, Rings: rings()})
	if err := known.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	batcher := vaultkeys.NewBatcher(vaultkeys.BatcherConfig{Vault: conn, VerifyAll: true})
	t.Cleanup(func() {
		if err := batcher.Close(t.Context()); err != nil && !errors.Is(err, t.Context().Err()) {
			t.Error(err)
		}
	})
	input := []byte("header.payload")
	for _, alg := range signer.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			key, err := known.SigningKey(ringOf(alg))
			if err != nil {
				t.Fatal(err)
			}
			sig, err := batcher.Sign(t.Context(), signer.Request{Key: key, Input: input, Reference: "jti-1"})
			if err != nil {
				t.Fatal(err)
			}
			if !alg.Symmetric() {
				if err := signer.CheckSignature(key, input, sig); err != nil {
					t.Error(err)
				}
				return
			}
			for text, want := range map[string]bool{string(input): true, "header.other": false} {
				if valid, err := batcher.VerifyMAC(t.Context(), signer.Request{Key: key, Input: []byte(text)}, sig); err != nil || valid != want {
					t.Errorf("verifying %q: %v %v, want %v", text, valid, err, want)
				}
			}
		})
	}
}

// issuerDerives: Signet's own code gets the secret behind refresh tokens.
func (s *suite) issuerDerives(t *testing.T) {
	keys := vaultkeys.NewMACKeys(vaultkeys.MACKeysConfig{Vault: s.conn(t, s.issuer), Key: macKey})
	if err := keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	version, secret, err := keys.Current()
	if err != nil || version != 1 || len(secret) != 32 {
		t.Errorf("version %d, a secret of %d bytes, %v", version, len(secret), err)
	}
	if strings.Trim(string(secret), "\x00") == "" {
		t.Error("the secret is all zeros")
	}
}
