package issuer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/issuer"
	"signet/signer"
)

func TestIntrospectAccessTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pair := h.pair("login", issuer.IssueRequest{
		Subject: "user:alice", Scope: "profile", Audience: []string{api, billing},
		Claims: map[string]json.RawMessage{"tenant": json.RawMessage(`"acme"`)},
	})
	found := h.active("login", pair.AccessToken)
	if found == nil || found.TokenType != "Bearer" {
		t.Fatalf("found %+v", found)
	}
	if want := h.claims(pair.AccessToken); fmt.Sprint(found.Claims) != fmt.Sprint(want) {
		t.Errorf("claims %+v, want %+v", found.Claims, want)
	}
	forBilling, forAPI := h.token("orders", issuer.ClientCredentialsRequest{}), h.token("orders", issuer.ClientCredentialsRequest{Audience: []string{api}})
	for name, c := range map[string]struct {
		client, token string
		want          bool
	}{
		"its own, for itself":          {"login", pair.AccessToken, true},
		"one of the audience":          {"gateway", pair.AccessToken, true},
		"neither audience nor client":  {"rival", pair.AccessToken, false},
		"another's, for the asker":     {"gateway", forBilling, true},
		"another's, for somebody else": {"gateway", forAPI, false},
		"another's, for a resource":    {"login", forAPI, true},
		"its own, for somebody else":   {"gateway", h.token("gateway", issuer.ClientCredentialsRequest{}), true},
		"empty":                        {"login", "", false},
		"nonsense":                     {"login", "a.b.c", false},
		"not a token":                  {"login", "\x00\xff", false},
		"cut":                          {"login", pair.AccessToken[:len(pair.AccessToken)-1], false},
		"the signature of another":     {"login", pair.AccessToken[:strings.LastIndex(pair.AccessToken, ".")] + forAPI[strings.LastIndex(forAPI, "."):], false},
	} {
		t.Run(name, func(t *testing.T) {
			if found := h.active(c.client, c.token); (found != nil) != c.want {
				t.Errorf("found %+v", found)
			}
		})
	}
	_, err := h.Introspect(t.Context(), h.client("orders"), forBilling)
	h.refused(err, issuer.AccessDenied)
}

func TestIntrospectKnowsWhatIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token("orders", issuer.ClientCredentialsRequest{})
	expired := func(passed time.Duration, want bool) {
		t.Helper()
		h.pass(passed)
		if found := h.active("gateway", token); (found != nil) != want {
			t.Errorf("at %v: %+v", h.clock(), found)
		}
	}
	expired(5*time.Minute-time.Second, true)
	expired(skew+2*time.Second, false)

	token = h.token("orders", issuer.ClientCredentialsRequest{})
	expired(0, true)
	h.holder.Rotate("main")
	expired(0, true) // verifies on
	h.holder.Retire("main", 1)
	expired(0, false)

	pair := h.login()
	if _, err := h.store.Revoke(t.Context(), h.claims(pair.AccessToken).SessionID, ""); err != nil {
		t.Fatal(err)
	}
	if h.active("login", pair.AccessToken) != nil || h.active("login", pair.RefreshToken) != nil {
		t.Error("a token outlives its session")
	}
}

func TestIntrospectRefreshTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.login()
	born := h.clock()
	h.pass(time.Minute)
	second := h.refreshed(first.RefreshToken)
	for name, c := range map[string]struct {
		client, token string
		want          bool
	}{
		"its own":              {"login", second.RefreshToken, true},
		"within the grace":     {"login", first.RefreshToken, true},
		"another's":            {"rival", second.RefreshToken, false},
		"an audience's":        {"gateway", second.RefreshToken, false},
		"without the right to": {"orders", second.RefreshToken, false},
		"mangled":              {"login", second.RefreshToken[:77] + "!", false},
		"prefix":               {"login", "sgr_", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.stored()
			found := h.active(c.client, c.token)
			if (found != nil) != c.want {
				t.Fatalf("found %+v", found)
			}
			if after := h.stored(); after != before {
				t.Errorf("introspection wrote:\n%s", after)
			}
			if found == nil {
				return
			}
			claims := found.Claims
			if found.TokenType != "" || claims.Subject != "user:alice" || claims.ClientID != "login" || claims.Scope != "profile mail orders:read" ||
				!slices.Equal(claims.Audience, []string{api, billing}) || claims.SessionID != h.claims(second.AccessToken).SessionID {
				t.Errorf("found %+v", found)
			}
			if !claims.IssuedAt.Equal(born.Truncate(time.Second)) || !claims.Expiry.Equal(h.clock().Add(idle).Truncate(time.Second)) || claims.AuthTime.Unix() != born.Unix() {
				t.Errorf("from %v to %v, auth_time %v", claims.IssuedAt, claims.Expiry, claims.AuthTime)
			}
		})
	}
	// To ask about a used token is no replay: the session goes on.
	third := h.refreshed(second.RefreshToken)
	if h.active("login", first.RefreshToken) != nil {
		t.Error("a used token is active")
	}
	h.refreshed(third.RefreshToken)
	h.pass(idle)
	if h.active("login", third.RefreshToken) != nil {
		t.Error("a token outlives its session")
	}
}

func TestIntrospectNeverGuesses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pair, plain := h.login(), h.token("orders", issuer.ClientCredentialsRequest{Audience: []string{api}})
	ask := func(token string) error {
		t.Helper()
		found, err := h.Introspect(t.Context(), h.client("login"), token)
		if found != nil {
			t.Errorf("found %+v", found)
		}
		return err
	}
	all := map[string]string{"pair": pair.AccessToken, "refresh": pair.RefreshToken, "plain": plain}
	h.redis.SetError("LOADING Redis is loading the dataset in memory")
	for _, token := range all {
		h.refused(ask(token), issuer.Unavailable)
	}
	if err := ask("a.b.c"); err != nil {
		t.Errorf("what is no token needs no Redis: %v", err)
	}
	h.redis.SetError("")
	h.macKeys.Down(true)
	h.refused(ask(pair.RefreshToken), issuer.Unavailable)
	h.refused(ask(pair.AccessToken), issuer.Unavailable) // the seal cannot be checked
	h.macKeys.Down(false)

	h.ready = false
	h.refused(ask(plain), issuer.Unavailable)
	h.ready = true
	h.redis.Close()
	for _, token := range all {
		h.refused(ask(token), issuer.Unavailable)
	}
}

func TestIntrospectHS256(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token("mac", issuer.ClientCredentialsRequest{})
	if h.active("login", token) == nil {
		t.Fatal("inactive")
	}
	h.holder.Fail(fmt.Errorf("%w: %w", signer.ErrUnavailable, errBroken))
	_, err := h.Introspect(t.Context(), h.client("login"), token)
	h.refused(err, issuer.Unavailable)
	h.refused(h.Revoke(t.Context(), h.client("mac"), token), issuer.Unavailable)
	// Public keys are in memory.
	h.holder.Fail(nil)
	public := h.token("orders", issuer.ClientCredentialsRequest{Audience: []string{api}})
	h.holder.Fail(signer.ErrUnavailable)
	if h.active("login", public) == nil {
		t.Error("a token with a public key needs Vault")
	}
}

func TestRevokeAccessTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, other := h.token("orders", issuer.ClientCredentialsRequest{}), h.token("orders", issuer.ClientCredentialsRequest{})
	for range 2 { // it may be repeated
		if err := h.Revoke(t.Context(), h.client("orders"), token); err != nil {
			t.Fatal(err)
		}
	}
	if h.active("gateway", token) != nil || h.active("gateway", other) == nil {
		t.Error("the wrong one is denied")
	}
	claims := h.claims(token)
	if left, want := h.redis.TTL("signet:jti:"+claims.ID), claims.Expiry.Add(3*skew).Sub(h.clock()); left < want || left > want+time.Millisecond {
		t.Errorf("denied for %v, want %v: until no clock takes the token any more", left, want)
	}
	// To the last moment in which anybody might take it.
	h.pass(claims.Expiry.Add(skew).Sub(h.clock()) - time.Millisecond)
	if h.active("gateway", token) != nil {
		t.Error("active again")
	}

	pair := h.login()
	if err := h.Revoke(t.Context(), h.client("login"), pair.AccessToken); err != nil {
		t.Fatal(err)
	}
	if h.active("login", pair.AccessToken) != nil || h.active("login", pair.RefreshToken) == nil {
		t.Error("an access token takes only itself with it")
	}
}

func TestRevokeRefreshTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.login()
	second := h.refreshed(first.RefreshToken)
	other := h.login()
	if err := h.Revoke(t.Context(), h.client("login"), first.RefreshToken); err != nil { // of an earlier generation
		t.Fatal(err)
	}
	for _, token := range []string{first.AccessToken, second.AccessToken, first.RefreshToken, second.RefreshToken} {
		if h.active("login", token) != nil {
			t.Error("a token outlives its session")
		}
	}
	if h.active("login", other.AccessToken) == nil || h.active("login", other.RefreshToken) == nil {
		t.Error("another session ended as well")
	}
	if err := h.Revoke(t.Context(), h.client("login"), second.RefreshToken); err != nil {
		t.Errorf("twice: %v", err)
	}
}

func TestRevokeWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pair := h.login()
	before := h.stored()
	for name, token := range map[string]string{
		"another's access token":  pair.AccessToken,
		"another's refresh token": pair.RefreshToken,
		"empty":                   "",
		"nonsense":                "nonsense",
		"three parts":             "a.b.c",
		"the prefix":              "sgr_",
		"a forged refresh token":  "sgr_" + strings.Repeat("A", 74),
		"a forged access token":   pair.AccessToken[:len(pair.AccessToken)-4] + "AAAA",
	} {
		t.Run(name, func(t *testing.T) {
			for _, client := range []string{"rival", "gateway", "orders"} {
				if err := h.Revoke(t.Context(), h.client(client), token); err != nil {
					t.Errorf("%s: %v", client, err)
				}
			}
		})
	}
	if after := h.stored(); after != before {
		t.Errorf("something happened:\n%s", after)
	}
	if h.active("login", pair.AccessToken) == nil || h.active("login", pair.RefreshToken) == nil {
		t.Error("a token was revoked by somebody else")
	}
}

func TestRevokeIsNeverConfirmedAndForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pair := h.login()
	both := []string{pair.AccessToken, pair.RefreshToken}
	h.ready = false
	h.refused(h.Revoke(t.Context(), h.client("login"), pair.AccessToken), issuer.Unavailable)
	h.ready = true
	h.redis.SetError("READONLY You can't write against a read only replica.")
	for _, token := range both {
		h.refused(h.Revoke(t.Context(), h.client("login"), token), issuer.Unavailable)
	}
	h.redis.SetError("")
	h.macKeys.Down(true)
	h.refused(h.Revoke(t.Context(), h.client("login"), pair.RefreshToken), issuer.Unavailable)
	h.macKeys.Down(false)
	for _, token := range both {
		if h.active("login", token) == nil {
			t.Error("revoked, but the answer was 503")
		}
	}
	h.redis.Close()
	for _, token := range both {
		h.refused(h.Revoke(t.Context(), h.client("login"), token), issuer.Unavailable)
	}
	if n := h.counted("signet_requests_refused_total", "temporarily_unavailable", "revoke"); n != 6 {
		t.Errorf("counted %v", n)
	}
}
