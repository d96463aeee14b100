package integration_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"signet/integration"
)

// TestFlows walks the README: a token for a service, a pair for a user,
// refresh, replay, revocation, introspection, JWKS.
func TestFlows(t *testing.T) {
	stack := integration.New(t, nil)
	s := stack.Signet(0)

	t.Run("client credentials verify from the JWKS alone", func(t *testing.T) {
		token := s.ClientCredentials(t, stack.Demo)
		provider, err := oidc.NewProvider(t.Context(), s.URL)
		if err != nil {
			t.Fatalf("go-oidc refuses our discovery document: %v", err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: "https://api.example.com", SupportedSigningAlgs: []string{"ES256"}})
		verified, err := verifier.Verify(t.Context(), token)
		if err != nil {
			t.Fatalf("go-oidc: %v", err)
		}
		if verified.Subject != "demo" || time.Until(verified.Expiry) > 5*time.Minute {
			t.Errorf("sub %q, exp %s: want demo, within 5 minutes", verified.Subject, verified.Expiry)
		}
	})

	t.Run("a replay two generations old kills the family", func(t *testing.T) {
		access, first := s.Pair(t, stack.Demo, "user:alice")
		second := s.Refresh(t, stack.Demo, first).Want(t, http.StatusOK).String(t, "refresh_token")
		third := s.Refresh(t, stack.Demo, second).Want(t, http.StatusOK).String(t, "refresh_token")
		if !s.Active(t, stack.Demo, access) {
			t.Fatal("the access token is inactive before the replay")
		}
		s.Refresh(t, stack.Demo, first).WantError(t, http.StatusBadRequest, "invalid_grant")
		s.Refresh(t, stack.Demo, third).WantError(t, http.StatusBadRequest, "invalid_grant")
		if s.Active(t, stack.Demo, access) {
			t.Error("the access token of a session revoked for reuse is still active")
		}
	})

	t.Run("revoking a refresh token ends the session and its access tokens", func(t *testing.T) {
		access, refresh := s.Pair(t, stack.Demo, "user:bob")
		s.Post(t, "/oauth2/revoke", stack.Demo, url.Values{"token": {refresh}}).Want(t, http.StatusOK)
		s.Refresh(t, stack.Demo, refresh).WantError(t, http.StatusBadRequest, "invalid_grant")
		if s.Active(t, stack.Demo, access) {
			t.Error("the access token of a revoked session is still active")
		}
	})

	t.Run("revoking an access token puts its jti on the denylist", func(t *testing.T) {
		token := s.ClientCredentials(t, stack.Demo)
		if !s.Active(t, stack.Demo, token) {
			t.Fatal("inactive before the revocation")
		}
		s.Post(t, "/oauth2/revoke", stack.Demo, url.Values{"token": {token}}).Want(t, http.StatusOK)
		if s.Active(t, stack.Demo, token) {
			t.Error("still active after the revocation")
		}
	})

	t.Run("a foreign client can neither refresh, revoke nor see a session", func(t *testing.T) {
		_, refresh := s.Pair(t, stack.Demo, "user:carol")
		s.Refresh(t, stack.Other, refresh).WantError(t, http.StatusBadRequest, "invalid_grant")
		s.Post(t, "/oauth2/revoke", stack.Other, url.Values{"token": {refresh}}).Want(t, http.StatusOK)
		if s.Active(t, stack.Reader, refresh) {
			t.Error("a foreign client sees the refresh token as active")
		}
		s.Refresh(t, stack.Demo, refresh).Want(t, http.StatusOK)
	})

	t.Run("introspection is for the audience", func(t *testing.T) {
		mine := s.Post(t, "/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}, "audience": {"https://api.example.com"}}).String(t, "access_token")
		other := s.Post(t, "/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}, "audience": {"https://billing.example.com"}}).String(t, "access_token")
		if !s.Active(t, stack.Reader, mine) {
			t.Error("a token of the reader's audience is inactive for it")
		}
		if s.Active(t, stack.Reader, other) {
			t.Error("a token of another audience is active for the reader")
		}
	})
}
