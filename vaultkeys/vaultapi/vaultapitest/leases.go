package vaultapitest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

var leaseChecks = map[string]func(*testing.T, *suite){
	"Renewal":                  renewal,
	"RenewalOfASuppliedToken":  renewalOfSupplied,
	"LoginBeforeTheMaximum":    loginBeforeMaximum,
	"RevokedTokenMeansLogin":   revokedMeansLogin,
	"RunNoticesARevokedToken":  runNoticesRevoked,
	"RevokeAtEnd":              revokeAtEnd,
	"NothingRevokedUninvited":  nothingRevoked,
	"BatchTokensAreReplaced":   batchTokens,
	"ExplicitMaximumIsHeeded":  explicitMaximum,
	"TokensOfFewUsesAreNoTrap": fewUses,
}

// renewal: the one token outlives its lease of two seconds.
func renewal(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_ttl": "2s", "token_max_ttl": "1h"})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.run(t)
	always(t, 5*time.Second, func() error { return c.get(t.Context()) })
	c.wantLogins(t, 1)
}

func renewalOfSupplied(t *testing.T, s *suite) {
	token, _ := s.token(t, map[string]any{"ttl": "2s"})
	c := s.connect(t, vaultapi.Token(fixed(token)), nil)
	c.run(t)
	always(t, 5*time.Second, func() error { return c.get(t.Context()) })
	c.wantLogins(t, 1)
}

// loginBeforeMaximum: Vault grants a renewal beyond the maximum with 200 and a
// shorter lease. No request may ever meet the end.
func loginBeforeMaximum(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_ttl": "2s", "token_max_ttl": "3s"})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.run(t)
	always(t, 8*time.Second, func() error { return c.get(t.Context()) })
	if n := c.Logins(); n < 3 || n > 12 {
		t.Fatalf("%d logins in 8s of a maximum of 3s", n)
	}
}

func explicitMaximum(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_ttl": "2s", "token_explicit_max_ttl": "3s"})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.run(t)
	always(t, 5*time.Second, func() error { return c.get(t.Context()) })
	if n := c.Logins(); n < 2 {
		t.Fatalf("%d logins in 5s of an explicit maximum of 3s", n)
	}
}

// batchTokens cannot be renewed.
func batchTokens(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_type": "batch", "token_ttl": "2s"})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.run(t)
	always(t, 5*time.Second, func() error { return c.get(t.Context()) })
	if n := c.Logins(); n < 3 || n > 12 {
		t.Fatalf("%d logins in 5s of tokens of 2s", n)
	}
}

// fewUses: a role whose tokens die after some uses costs logins and no errors.
func fewUses(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_num_uses": 3})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	for range 8 {
		c.mustGet(t)
	}
	if n := c.Logins(); n != 3 {
		t.Fatalf("%d logins for 8 requests by tokens of 3 uses", n)
	}
}

func revokedMeansLogin(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, nil)
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.wantLogins(t, 1)
	s.revoke(t, c)
	c.wantLogins(t, 2) // by the request itself, which does not fail
}

func runNoticesRevoked(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, map[string]any{"token_ttl": "4s", "token_max_ttl": "1h"})
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	c.run(t)
	c.wantLogins(t, 1)
	s.revoke(t, c)
	eventually(t, 15*time.Second, "Run has logged in again by itself", func() bool { return c.Logins() == 2 })
	c.wantLogins(t, 2)
}

// stillThere asks Vault for a token by its accessor.
func stillThere(t *testing.T, s *suite, accessor string) bool {
	t.Helper()
	return s.call(t, s.server.RootToken, http.MethodPost, "auth/token/lookup-accessor", map[string]any{"accessor": accessor}).status == http.StatusOK
}

func revokeAtEnd(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, nil)
	c := s.connect(t, s.appRole(roleID, fixed(secretID)), func(cfg *vaultapi.Config) { cfg.RevokeAtEnd = true })
	end := c.run(t)
	c.wantLogins(t, 1)
	accessor := c.accessor(t)
	if !stillThere(t, s, accessor) {
		t.Fatal("the token is not there before the end")
	}
	end()
	if stillThere(t, s, accessor) {
		t.Fatal("our token outlives us")
	}
	// Whoever still asks, such as the last drain of a queue, is served.
	if err := c.get(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("after the end: %v", err)
	}
}

// nothingRevoked: neither a token of somebody else's, nor without being asked to.
func nothingRevoked(t *testing.T, s *suite) {
	roleID, secretID := s.role(t, nil)
	token, theirs := s.token(t, nil)
	own := s.connect(t, s.appRole(roleID, fixed(secretID)), nil)
	other := s.connect(t, vaultapi.Token(fixed(token)), func(cfg *vaultapi.Config) { cfg.RevokeAtEnd = true })
	for _, c := range []*conn{own, other} {
		end := c.run(t)
		c.wantLogins(t, 1)
		accessor := c.accessor(t)
		end()
		if !stillThere(t, s, accessor) {
			t.Fatal("a token was revoked that should not have been")
		}
	}
	if !stillThere(t, s, theirs) {
		t.Fatal("somebody else's token was revoked")
	}
}
