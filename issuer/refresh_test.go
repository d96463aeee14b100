package issuer_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/clients"
	"signet/issuer"
	"signet/refresh"
	"signet/signer"
)

func TestRefresh(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := h.login()
	born := h.claims(first.AccessToken)
	h.pass(10 * time.Minute)
	second := h.refreshed(first.RefreshToken)
	claims := h.claims(second.AccessToken)
	if claims.SessionID != born.SessionID || !claims.AuthTime.Equal(born.AuthTime) || claims.Subject != "user:alice" || claims.ClientID != "login" {
		t.Errorf("claims %+v after %+v", claims, born)
	}
	if claims.ID == born.ID || !claims.IssuedAt.Equal(h.clock().Truncate(time.Second)) || second.ExpiresIn != 2*time.Minute {
		t.Errorf("jti %s, iat %v, answer %+v", claims.ID, claims.IssuedAt, second)
	}
	if claims.Scope != born.Scope || second.Scope != born.Scope || !slices.Equal(claims.Audience, born.Audience) {
		t.Errorf("scope %q, audience %q", claims.Scope, claims.Audience)
	}
	if second.RefreshToken == first.RefreshToken || second.RefreshExpiresIn != idle {
		t.Errorf("answer %+v", second)
	}
	// A lost answer: the same successor once more, with a token of its own.
	again := h.refreshed(first.RefreshToken)
	if again.RefreshToken != second.RefreshToken || again.AccessToken == second.AccessToken {
		t.Error("the retry got another successor, or the very same access token")
	}
	h.refreshed(second.RefreshToken)
	// Now it is a replay, and all that came of the login is dead.
	_, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: first.RefreshToken})
	h.refused(err, issuer.InvalidGrant)
	for _, token := range []string{first.AccessToken, second.AccessToken, again.AccessToken, second.RefreshToken} {
		if h.active("login", token) != nil {
			t.Error("a token outlives the replay")
		}
	}
	if n := h.counted("signet_tokens_issued_total", "refresh_token", "main"); n != 3 {
		t.Errorf("counted %v", n)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	valid := h.login().RefreshToken
	signs, before := h.holder.Signs(), h.stored()
	for name, c := range map[string]struct {
		client  string
		request issuer.RefreshRequest
		want    issuer.Code
	}{
		"no token":           {"login", issuer.RefreshRequest{}, issuer.InvalidGrant},
		"not ours":           {"login", issuer.RefreshRequest{Token: "sgr_" + strings.Repeat("A", 74)}, issuer.InvalidGrant},
		"an access token":    {"login", issuer.RefreshRequest{Token: h.token("orders", issuer.ClientCredentialsRequest{})}, issuer.InvalidGrant},
		"longer":             {"login", issuer.RefreshRequest{Token: valid + "A"}, issuer.InvalidGrant},
		"another client":     {"rival", issuer.RefreshRequest{Token: valid}, issuer.InvalidGrant},
		"no grant":           {"orders", issuer.RefreshRequest{Token: valid}, issuer.UnauthorizedClient},
		"more scope":         {"login", issuer.RefreshRequest{Token: valid, Scope: "profile orders:write"}, issuer.InvalidScope},
		"scope of nobody":    {"login", issuer.RefreshRequest{Token: valid, Scope: "admin"}, issuer.InvalidScope},
		"malformed scope":    {"login", issuer.RefreshRequest{Token: valid, Scope: " profile"}, issuer.InvalidScope},
		"more audience":      {"login", issuer.RefreshRequest{Token: valid, Audience: []string{api, "https://evil.example.com"}}, issuer.InvalidTarget},
		"an empty audience":  {"login", issuer.RefreshRequest{Token: valid, Audience: []string{""}}, issuer.InvalidTarget},
		"audience and slash": {"login", issuer.RefreshRequest{Token: valid, Audience: []string{api + "/"}}, issuer.InvalidTarget},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := h.Refresh(t.Context(), h.client(c.client), c.request)
			h.refused(err, c.want)
			if response != nil || h.holder.Signs() != signs+1 || h.stored() != before { // one by orders, above
				t.Errorf("answer %v, %d signatures, stored:\n%s", response, h.holder.Signs(), h.stored())
			}
		})
	}
	h.refreshed(valid) // none of that has used it up
}

// Every cause is told alike, or the answer would say which tokens ever existed.
func TestRefreshRefusesAllAlike(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	used, foreign, revoked := h.login().RefreshToken, h.pair("rival", issuer.IssueRequest{Subject: "user:bob"}).RefreshToken, h.login().RefreshToken
	h.refreshed(h.refreshed(used).RefreshToken)
	if err := h.Revoke(t.Context(), h.client("login"), revoked); err != nil {
		t.Fatal(err)
	}
	outOfReach, expired := h.pair("login", issuer.IssueRequest{Subject: "user:carol"}).RefreshToken, h.login().RefreshToken
	h.amend("login", func(e *clients.Entry) { e.Subjects = []string{"user:alice"} })
	said := map[string][]string{}
	ask := func(name, token string) {
		_, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
		e := h.refusal(err, issuer.InvalidGrant)
		said[e.Description] = append(said[e.Description], name)
	}
	ask("unknown", "sgr_x")
	ask("used", used)
	ask("foreign", foreign)
	ask("revoked", revoked)
	ask("out of reach", outOfReach)
	h.pass(idle)
	ask("expired", expired)
	if len(said) != 1 {
		t.Errorf("different answers: %q", said)
	}
}

func TestRefreshNarrows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.login().RefreshToken
	narrow, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{
		Token: token, Scope: "orders:read profile orders:read", Audience: []string{billing, billing},
	})
	if err != nil {
		t.Fatal(err)
	}
	claims := h.claims(narrow.AccessToken)
	if claims.Scope != "orders:read profile" || narrow.Scope != claims.Scope || !slices.Equal(claims.Audience, []string{billing}) {
		t.Errorf("scope %q and %q, audience %q", claims.Scope, narrow.Scope, claims.Audience)
	}
	// The session keeps what it had (RFC 6749 section 6).
	if whole := h.claims(h.refreshed(narrow.RefreshToken).AccessToken); whole.Scope != "profile mail orders:read" || !slices.Equal(whole.Audience, []string{api, billing}) {
		t.Errorf("scope %q, audience %q afterwards", whole.Scope, whole.Audience)
	}
}

// Whatever is asked, a refresh never gives more than the session has and the
// policy allows today.
func TestRefreshOnlyNarrows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	have := []string{"profile", "mail", "orders:read"}
	names := append([]string{"orders:write", "admin", "*", "orders:*", ""}, have...)
	token := h.login().RefreshToken
	h.amend("login", func(e *clients.Entry) { e.Scopes = []string{"profile", "orders:*", "admin"} })
	allowed := []string{"profile", "orders:read"}
	rapid.Check(t, func(r *rapid.T) {
		want := rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(r, "scope")
		response, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token, Scope: strings.Join(want, " ")})
		within := !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(allowed, s) })
		empty := strings.Join(want, " ") == ""
		if (err == nil) != (within || empty) {
			r.Fatalf("asked for %q, got %v", want, err)
		}
		if err != nil {
			h.refused(err, issuer.InvalidScope)
			return
		}
		token = response.RefreshToken
		for got := range strings.SplitSeq(h.claims(response.AccessToken).Scope, " ") {
			if !slices.Contains(allowed, got) || !empty && !slices.Contains(want, got) {
				r.Fatalf("asked for %q, got %q", want, got)
			}
		}
	})
}

func TestRefreshAppliesThePolicyOfToday(t *testing.T) {
	t.Parallel()
	type expect struct {
		want     issuer.Code
		scope    string
		audience []string
		ttl      time.Duration
		ring     string
	}
	all := expect{scope: "profile mail orders:read", audience: []string{api, billing}, ttl: 2 * time.Minute, ring: "main"}
	with := func(change func(*expect)) expect {
		e := all
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		change func(*clients.Entry)
		ask    issuer.RefreshRequest
		expect expect
	}{
		"nothing changed": {func(*clients.Entry) {}, issuer.RefreshRequest{}, all},
		"more of all": {func(e *clients.Entry) {
			e.Scopes = append(e.Scopes, "admin")
			e.Audiences = append([]string{"https://new.example.com"}, e.Audiences...)
		}, issuer.RefreshRequest{}, all},
		"a scope less": {
			func(e *clients.Entry) { e.Scopes = []string{"profile"} },
			issuer.RefreshRequest{},
			with(func(e *expect) { e.scope = "profile" }),
		},
		"a scope less, asked for": {
			func(e *clients.Entry) { e.Scopes = []string{"profile"} },
			issuer.RefreshRequest{Scope: "mail"},
			expect{want: issuer.InvalidScope},
		},
		"no scope left": {
			func(e *clients.Entry) { e.Scopes = []string{"other"} },
			issuer.RefreshRequest{},
			expect{want: issuer.InvalidGrant},
		},
		"an audience less": {
			func(e *clients.Entry) { e.Audiences = []string{billing} },
			issuer.RefreshRequest{},
			with(func(e *expect) { e.audience = []string{billing} }),
		},
		"an audience less, asked for": {
			func(e *clients.Entry) { e.Audiences = []string{billing} },
			issuer.RefreshRequest{Audience: []string{api}},
			expect{want: issuer.InvalidTarget},
		},
		"no audience left": {
			func(e *clients.Entry) { e.Audiences = []string{"https://new.example.com"} },
			issuer.RefreshRequest{},
			expect{want: issuer.InvalidGrant},
		},
		"subject": {
			func(e *clients.Entry) { e.Subjects = []string{"customer:*"} },
			issuer.RefreshRequest{},
			expect{want: issuer.InvalidGrant},
		},
		"grant": {
			func(e *clients.Entry) { e.Grants = []string{"issue"} },
			issuer.RefreshRequest{},
			expect{want: issuer.UnauthorizedClient},
		},
		"grant issue only": {func(e *clients.Entry) { e.Grants = []string{"refresh_token"} }, issuer.RefreshRequest{}, all},
		"ttl": {
			func(e *clients.Entry) { e.TTL = time.Minute },
			issuer.RefreshRequest{},
			with(func(e *expect) { e.ttl = time.Minute }),
		},
		"no ttl of its own": {
			func(e *clients.Entry) { e.TTL = 0 },
			issuer.RefreshRequest{},
			with(func(e *expect) { e.ttl = 5 * time.Minute }),
		},
		"ring": {
			func(e *clients.Entry) { e.Ring = "fast" },
			issuer.RefreshRequest{},
			with(func(e *expect) { e.ring = "fast" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			c.ask.Token = h.login().RefreshToken
			signs := h.holder.Signs()
			h.amend("login", c.change)
			response, err := h.Refresh(t.Context(), h.client("login"), c.ask)
			if c.expect.want != "" {
				h.refused(err, c.expect.want)
				if h.holder.Signs() != signs {
					t.Error("a token was signed")
				}
				// Policy is given back as it was taken: the token is not used up.
				h.amend("login", func(e *clients.Entry) { *e = policies()["login"] })
				h.refreshed(c.ask.Token)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			claims := h.claims(response.AccessToken)
			if claims.Scope != c.expect.scope || !slices.Equal(claims.Audience, c.expect.audience) || response.ExpiresIn != c.expect.ttl {
				t.Errorf("scope %q, audience %q, %v", claims.Scope, claims.Audience, response.ExpiresIn)
			}
			if last := h.holder.Requests()[h.holder.Signs()-1]; last.Key.Ring != c.expect.ring {
				t.Errorf("signed by %s", last.Key.Ring)
			}
		})
	}
}

// A session without a scope never had one to lose.
func TestRefreshWithoutScope(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.pair("rival", issuer.IssueRequest{Subject: "user:bob"}).RefreshToken
	response, err := h.Refresh(t.Context(), h.client("rival"), issuer.RefreshRequest{Token: token})
	if err != nil || response.Scope != "" {
		t.Fatalf("scope %q, %v", response.Scope, err)
	}
	_, err = h.Refresh(t.Context(), h.client("rival"), issuer.RefreshRequest{Token: response.RefreshToken, Scope: "profile"})
	h.refused(err, issuer.InvalidScope)
}

func TestExpNeverPassesTheSessionsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	end := h.clock().Add(absolute)
	token := h.login().RefreshToken
	for end.Sub(h.clock()) > 90*time.Second {
		h.pass(min(50*time.Minute, end.Sub(h.clock())-90*time.Second))
		token = h.refreshed(token).RefreshToken
	}
	for _, c := range []struct{ left, want, refresh time.Duration }{
		{90 * time.Second, 90 * time.Second, 90 * time.Second},
		{10 * time.Second, 10 * time.Second, 10 * time.Second},
		{1500 * time.Millisecond, time.Second, time.Second}, // from 04.1 to 05.6
	} {
		h.pass(end.Sub(h.clock()) - c.left)
		response := h.refreshed(token)
		token = response.RefreshToken
		claims := h.claims(response.AccessToken)
		if claims.Expiry.After(end) || response.ExpiresIn != c.want || response.RefreshExpiresIn != c.refresh {
			t.Errorf("%v before the end: until %v, answer %v and %v", c.left, claims.Expiry, response.ExpiresIn, response.RefreshExpiresIn)
		}
	}
	signs := h.holder.Signs()
	h.pass(end.Sub(h.clock()) - 300*time.Millisecond) // 05.3 to 05.6: not one whole second
	_, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
	h.refused(err, issuer.InvalidGrant)
	h.pass(time.Second)
	_, err = h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
	h.refused(err, issuer.InvalidGrant)
	if h.holder.Signs() != signs {
		t.Error("signed for a session that is over")
	}
}

// The first access token of a session that is shorter than its ttl.
func TestExpOfThePairNeverPassesTheSessionsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *issuer.Config) { c.SessionLife = 30 * time.Second })
	response := h.login()
	if claims := h.claims(response.AccessToken); claims.Expiry.After(h.clock().Add(30 * time.Second)) {
		t.Errorf("until %v", claims.Expiry)
	}
	if response.RefreshExpiresIn != 30*time.Second {
		t.Errorf("refresh until %v", response.RefreshExpiresIn)
	}
}

func TestRefreshSignsBeforeItCommits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.login().RefreshToken
	var during refresh.Session
	h.holder.OnSign(func(ctx context.Context, _ signer.Request) (err error) {
		during, err = h.store.Inspect(ctx, token)
		return err
	})
	h.refreshed(token)
	after, err := h.store.Inspect(t.Context(), token)
	if err != nil || during.Generation+1 != after.Generation {
		t.Errorf("generation %d while signing, %d afterwards, %v", during.Generation, after.Generation, err)
	}
}

func TestRefreshWithoutVaultBurnsNothing(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"unavailable": fmt.Errorf("%w: %w", signer.ErrUnavailable, errBroken),
		"overloaded":  signer.ErrOverloaded,
		"timeout":     context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			token := h.login().RefreshToken
			before := h.stored()
			h.holder.Fail(cause)
			for range 3 {
				_, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
				h.refused(err, issuer.Unavailable)
				h.pass(grace + time.Second)
			}
			h.holder.Fail(nil)
			if after := h.stored(); after != before {
				t.Errorf("stored before:\n%s\nafter:\n%s", before, after)
			}
			h.refreshed(token)
		})
	}
}

func TestRefreshWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.login().RefreshToken
	signs := h.holder.Signs()
	ask := func() error {
		response, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
		if response != nil {
			t.Errorf("answer %+v", response)
		}
		return err
	}
	h.redis.SetError("LOADING Redis is loading the dataset in memory")
	h.refused(ask(), issuer.Unavailable)
	if h.holder.Signs() != signs {
		t.Error("signed before the check")
	}
	h.redis.SetError("")
	// Gone between check and commit: signed, but nobody gets it.
	h.holder.OnSign(func(context.Context, signer.Request) error {
		h.redis.SetError("READONLY You can't write against a read only replica.")
		return nil
	})
	h.refused(ask(), issuer.Unavailable)
	h.holder.OnSign(nil)
	h.redis.SetError("")
	h.macKeys.Down(true)
	h.refused(ask(), issuer.Unavailable)
	h.macKeys.Down(false)
	h.refreshed(token)
}

// A logout while the refresh waits for its signature wins.
func TestRefreshLosesToARevocation(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.login().RefreshToken
	h.holder.OnSign(func(ctx context.Context, _ signer.Request) error {
		return h.Revoke(ctx, h.client("login"), token)
	})
	response, err := h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
	h.refused(err, issuer.InvalidGrant)
	if response != nil {
		t.Errorf("answer %+v", response)
	}
}
