package issuer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/issuer"
	"signet/signer"
)

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		client   string
		request  issuer.ClientCredentialsRequest
		scope    string
		audience []string
		ttl      time.Duration
		ring     string
	}{
		"defaults":             {client: "orders", scope: "billing:read billing:write", audience: []string{billing}, ttl: 5 * time.Minute, ring: "main"},
		"asked":                {"orders", issuer.ClientCredentialsRequest{Scope: "orders:7", Audience: []string{api, billing}}, "orders:7", []string{api, billing}, 5 * time.Minute, "main"},
		"no scope":             {client: "wide", audience: []string{api}, ttl: 5 * time.Minute, ring: "main"},
		"a ring of its own":    {client: "mac", audience: []string{api}, ttl: 5 * time.Minute, ring: "mac"},
		"asked twice for one":  {"orders", issuer.ClientCredentialsRequest{Audience: []string{api, api}}, "billing:read billing:write", []string{api}, 5 * time.Minute, "main"},
		"scope asked for once": {"orders", issuer.ClientCredentialsRequest{Scope: "billing:read billing:read"}, "billing:read", []string{billing}, 5 * time.Minute, "main"},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.counted("signet_tokens_issued_total", "client_credentials", c.ring)
			response, err := h.ClientCredentials(t.Context(), h.client(c.client), c.request)
			if err != nil {
				t.Fatal(err)
			}
			if response.TokenType != "Bearer" || response.ExpiresIn != c.ttl || response.Scope != c.scope || response.RefreshToken != "" {
				t.Errorf("answer %+v", response)
			}
			claims := h.claims(response.AccessToken)
			if claims.Issuer != issuerURL || claims.Subject != c.client || claims.ClientID != c.client || claims.Scope != c.scope || !slices.Equal(claims.Audience, c.audience) {
				t.Errorf("claims %+v", claims)
			}
			if iat := h.clock().Truncate(time.Second); !claims.IssuedAt.Equal(iat) || !claims.Expiry.Equal(iat.Add(c.ttl)) {
				t.Errorf("from %v to %v", claims.IssuedAt, claims.Expiry)
			}
			if claims.SessionID != "" || !claims.AuthTime.IsZero() || len(claims.ID) != 22 {
				t.Errorf("sid %q, auth_time %v, jti %q", claims.SessionID, claims.AuthTime, claims.ID)
			}
			if last := h.holder.Requests()[h.holder.Signs()-1]; last.Key.Ring != c.ring || last.Client != c.client || last.Reference != claims.ID {
				t.Errorf("signed by %s for %s as %s", last.Key.Ring, last.Client, last.Reference)
			}
			if after := h.counted("signet_tokens_issued_total", "client_credentials", c.ring); after != before+1 {
				t.Errorf("counted %v after %v", after, before)
			}
		})
	}
	if dump := h.stored(); dump != "" {
		t.Errorf("a token for the client itself needs no Redis:\n%s", dump)
	}
}

func TestClientCredentialsRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		client  string
		request issuer.ClientCredentialsRequest
		want    issuer.Code
	}{
		"grant":                {"login", issuer.ClientCredentialsRequest{}, issuer.UnauthorizedClient},
		"scope":                {"orders", issuer.ClientCredentialsRequest{Scope: "admin"}, issuer.InvalidScope},
		"one scope of two":     {"orders", issuer.ClientCredentialsRequest{Scope: "billing:read admin"}, issuer.InvalidScope},
		"the pattern itself":   {"orders", issuer.ClientCredentialsRequest{Scope: "orders:*"}, issuer.InvalidScope},
		"scope over a colon":   {"orders", issuer.ClientCredentialsRequest{Scope: "orders:a:b"}, issuer.InvalidScope},
		"two spaces":           {"orders", issuer.ClientCredentialsRequest{Scope: "billing:read  billing:write"}, issuer.InvalidScope},
		"scope with a newline": {"orders", issuer.ClientCredentialsRequest{Scope: "billing:read\n"}, issuer.InvalidScope},
		"no scopes at all":     {"mac", issuer.ClientCredentialsRequest{Scope: "a"}, issuer.InvalidScope},
		"audience":             {"orders", issuer.ClientCredentialsRequest{Audience: []string{"https://evil.example.com"}}, issuer.InvalidTarget},
		"one audience of two":  {"orders", issuer.ClientCredentialsRequest{Audience: []string{api, "x"}}, issuer.InvalidTarget},
		"slash":                {"orders", issuer.ClientCredentialsRequest{Audience: []string{api + "/"}}, issuer.InvalidTarget},
		"case":                 {"orders", issuer.ClientCredentialsRequest{Audience: []string{strings.ToUpper(api)}}, issuer.InvalidTarget},
		"empty audience":       {"orders", issuer.ClientCredentialsRequest{Audience: []string{""}}, issuer.InvalidTarget},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.counted("signet_requests_refused_total", string(c.want), "client_credentials")
			response, err := h.ClientCredentials(t.Context(), h.client(c.client), c.request)
			h.refused(err, c.want)
			if response != nil || h.holder.Signs() != 0 {
				t.Errorf("answer %v, %d signatures", response, h.holder.Signs())
			}
			if after := h.counted("signet_requests_refused_total", string(c.want), "client_credentials"); after != before+1 {
				t.Errorf("counted %v after %v", after, before)
			}
		})
	}
}

func TestIssue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	custom := map[string]json.RawMessage{"tenant": json.RawMessage(`"acme"`), "roles": json.RawMessage(`["a",{"b":1}]`)}
	largest := map[string]json.RawMessage{"tenant": json.RawMessage(`"` + strings.Repeat("x", issuer.MaxClaims-len("tenant")-2) + `"`)}
	for name, c := range map[string]struct {
		client  string
		request issuer.IssueRequest
		ttl     time.Duration
		ring    string
		scope   string
	}{
		"defaults":              {"login", issuer.IssueRequest{}, 2 * time.Minute, "main", "profile mail"},
		"claims":                {"login", issuer.IssueRequest{Claims: custom}, 2 * time.Minute, "main", "profile mail"},
		"largest claims":        {"login", issuer.IssueRequest{Claims: largest}, 2 * time.Minute, "main", "profile mail"},
		"shorter":               {"login", issuer.IssueRequest{TTL: time.Second}, time.Second, "main", "profile mail"},
		"the whole policy":      {"login", issuer.IssueRequest{TTL: 2 * time.Minute}, 2 * time.Minute, "main", "profile mail"},
		"its own ring by name":  {"login", issuer.IssueRequest{Ring: "main"}, 2 * time.Minute, "main", "profile mail"},
		"scope":                 {"login", issuer.IssueRequest{Scope: "orders:7"}, 2 * time.Minute, "main", "orders:7"},
		"the default ring":      {"wide", issuer.IssueRequest{Subject: "alice"}, 5 * time.Minute, "main", ""},
		"the whole ring":        {"wide", issuer.IssueRequest{Subject: "alice", TTL: time.Hour}, time.Hour, "main", ""},
		"another ring":          {"wide", issuer.IssueRequest{Subject: "alice", Ring: "fast"}, 5 * time.Minute, "fast", ""},
		"another ring, all":     {"wide", issuer.IssueRequest{Subject: "alice", Ring: "fast", TTL: 10 * time.Minute}, 10 * time.Minute, "fast", ""},
		"a part of a second":    {"login", issuer.IssueRequest{TTL: 1500 * time.Millisecond}, 2 * time.Second, "main", "profile mail"}, // 05.6 + 1.5 = 07.1
		"an almost client's id": {"wide", issuer.IssueRequest{Subject: "Orders"}, 5 * time.Minute, "main", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.request.Subject == "" {
				c.request.Subject = "user:alice"
			}
			response, err := h.Issue(t.Context(), h.client(c.client), c.request)
			if err != nil {
				t.Fatal(err)
			}
			claims := h.claims(response.AccessToken)
			if claims.Subject != c.request.Subject || claims.ClientID != c.client || claims.Scope != c.scope || response.Scope != c.scope {
				t.Errorf("claims %+v, scope %q", claims, response.Scope)
			}
			if claims.SessionID != "" || response.RefreshToken != "" || response.RefreshExpiresIn != 0 {
				t.Errorf("a session: %q", claims.SessionID)
			}
			if got := claims.Expiry.Sub(claims.IssuedAt); got != c.ttl || response.ExpiresIn != c.ttl {
				t.Errorf("lives %v, says %v, want %v", got, response.ExpiresIn, c.ttl)
			}
			if last := h.holder.Requests()[h.holder.Signs()-1]; last.Key.Ring != c.ring {
				t.Errorf("signed by %s", last.Key.Ring)
			}
			if len(claims.Custom) != len(c.request.Claims) {
				t.Errorf("custom claims %v", claims.Custom)
			}
			for name, value := range c.request.Claims {
				if string(claims.Custom[name]) != string(value) {
					t.Errorf("%s is %s", name, claims.Custom[name])
				}
			}
		})
	}
	if dump := h.stored(); dump != "" {
		t.Errorf("no session was asked for:\n%s", dump)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	claim := func(name, value string) issuer.IssueRequest {
		return issuer.IssueRequest{Claims: map[string]json.RawMessage{name: json.RawMessage(value)}}
	}
	type refusal struct {
		client  string
		request issuer.IssueRequest
		want    issuer.Code
	}
	table := map[string]refusal{
		"grant issue":           {"orders", issuer.IssueRequest{}, issuer.UnauthorizedClient},
		"grant refresh_token":   {"wide", issuer.IssueRequest{Subject: "alice", Refresh: true}, issuer.UnauthorizedClient},
		"no subject":            {"wide", issuer.IssueRequest{Subject: "-"}, issuer.InvalidRequest},
		"subject not allowed":   {"login", issuer.IssueRequest{Subject: "admin:alice"}, issuer.AccessDenied},
		"subject two deep":      {"login", issuer.IssueRequest{Subject: "user:a:b"}, issuer.AccessDenied},
		"subject is a pattern":  {"login", issuer.IssueRequest{Subject: "user:*"}, issuer.AccessDenied},
		"subject is a client":   {"wide", issuer.IssueRequest{Subject: "orders"}, issuer.AccessDenied},
		"subject is itself":     {"wide", issuer.IssueRequest{Subject: "wide"}, issuer.AccessDenied},
		"subject with NUL":      {"login", issuer.IssueRequest{Subject: "user:a\x00"}, issuer.AccessDenied},
		"subject not UTF-8":     {"login", issuer.IssueRequest{Subject: "user:\xff"}, issuer.AccessDenied},
		"subject too long":      {"login", issuer.IssueRequest{Subject: "user:" + strings.Repeat("a", 251)}, issuer.AccessDenied},
		"scope":                 {"login", issuer.IssueRequest{Scope: "admin"}, issuer.InvalidScope},
		"audience":              {"login", issuer.IssueRequest{Audience: []string{"https://evil.example.com"}}, issuer.InvalidTarget},
		"empty audience":        {"login", issuer.IssueRequest{Audience: []string{""}}, issuer.InvalidTarget},
		"claim not allowed":     {"login", claim("department", `"x"`), issuer.AccessDenied},
		"claim of no policy":    {"wide", issuer.IssueRequest{Subject: "alice", Claims: claim("tenant", `1`).Claims}, issuer.AccessDenied},
		"claim without name":    {"login", claim("", `1`), issuer.InvalidRequest},
		"claim in capitals":     {"login", claim("Tenant", `1`), issuer.AccessDenied},
		"claim repeats a name":  {"login", claim("tenant", `{"a":1,"a":2}`), issuer.InvalidRequest},
		"claim is not JSON":     {"login", claim("tenant", `{`), issuer.InvalidRequest},
		"claim too deep":        {"login", claim("tenant", strings.Repeat("[", 20)+strings.Repeat("]", 20)), issuer.InvalidRequest},
		"claim lone surrogate":  {"login", claim("tenant", `"\ud800"`), issuer.InvalidRequest},
		"claim beyond a double": {"login", claim("tenant", `[-1e999999]`), issuer.InvalidRequest},
		"claims too large":      {"login", claim("tenant", `"`+strings.Repeat("x", issuer.MaxClaims-len("tenant")-1)+`"`), issuer.InvalidRequest},
		"claim name too large":  {"login", claim(strings.Repeat("x", issuer.MaxClaims), `1`), issuer.InvalidRequest},
		"ttl over the policy":   {"login", issuer.IssueRequest{TTL: 2*time.Minute + 1}, issuer.InvalidRequest},
		"ttl over the ring":     {"wide", issuer.IssueRequest{Subject: "alice", TTL: time.Hour + 1}, issuer.InvalidRequest},
		"ttl over another ring": {"wide", issuer.IssueRequest{Subject: "alice", Ring: "fast", TTL: 11 * time.Minute}, issuer.InvalidRequest},
		"ttl under a second":    {"login", issuer.IssueRequest{TTL: time.Second - 1}, issuer.InvalidRequest},
		"ttl negative":          {"login", issuer.IssueRequest{TTL: -time.Minute}, issuer.InvalidRequest},
		"another ring":          {"login", issuer.IssueRequest{Ring: "fast"}, issuer.AccessDenied},
		"no ring of ours":       {"wide", issuer.IssueRequest{Subject: "alice", Ring: "other"}, issuer.AccessDenied},
		"label without session": {"login", issuer.IssueRequest{Label: "x"}, issuer.InvalidRequest},
		"label too long":        {"login", issuer.IssueRequest{Refresh: true, Label: strings.Repeat("é", issuer.MaxLabel+1)}, issuer.InvalidRequest},
		"label with a newline":  {"login", issuer.IssueRequest{Refresh: true, Label: "a\nb"}, issuer.InvalidRequest},
		"label with an escape":  {"login", issuer.IssueRequest{Refresh: true, Label: "\x1b[31m"}, issuer.InvalidRequest},
		"label right to left":   {"login", issuer.IssueRequest{Refresh: true, Label: "a\u202eb"}, issuer.InvalidRequest},
		"label not UTF-8":       {"login", issuer.IssueRequest{Refresh: true, Label: "\xff"}, issuer.InvalidRequest},
	}
	for _, name := range []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time",
		"act", "may_act", "cnf", "azp", "status", "Exp", "SUB", "AUTH_TIME",
	} {
		table["registered "+name] = refusal{"login", claim(name, `1`), issuer.InvalidRequest}
	}
	for _, name := range []string{"typ", "alg", "kid", "active", "token_type", "Active"} {
		table["speaks for Signet: "+name] = refusal{"login", claim(name, `1`), issuer.AccessDenied}
	}
	for name, c := range table {
		t.Run(name, func(t *testing.T) {
			switch c.request.Subject {
			case "":
				c.request.Subject = "user:alice"
			case "-":
				c.request.Subject = ""
			}
			response, err := h.Issue(t.Context(), h.client(c.client), c.request)
			h.refused(err, c.want)
			if response != nil || h.holder.Signs() != 0 || h.stored() != "" {
				t.Errorf("answer %v, %d signatures, stored:\n%s", response, h.holder.Signs(), h.stored())
			}
		})
	}
}

func TestIssueAPair(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	label := strings.Repeat("é", issuer.MaxLabel)
	stored := "unknown"
	h.holder.OnSign(func(context.Context, signer.Request) error {
		stored = h.stored()
		return nil
	})
	response := h.pair("login", issuer.IssueRequest{Subject: "user:alice", Scope: "profile", Audience: []string{api, billing}, Label: label})
	if stored != "" {
		t.Errorf("something was stored before the token was signed:\n%s", stored)
	}
	claims := h.claims(response.AccessToken)
	if !claims.AuthTime.Equal(h.clock().Truncate(time.Second)) || response.RefreshExpiresIn != idle || response.ExpiresIn != 2*time.Minute {
		t.Errorf("auth_time %v, answer %+v", claims.AuthTime, response)
	}
	session, err := h.store.Inspect(t.Context(), response.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if session.SID != claims.SessionID || session.ClientID != "login" || session.Subject != "user:alice" || session.Scope != "profile" ||
		!slices.Equal(session.Audience, []string{api, billing}) || session.Label != label {
		t.Errorf("session %+v", session)
	}
	if end := h.clock().Add(absolute).Truncate(time.Millisecond); !session.ExpiresAt.Equal(end) {
		t.Errorf("the session ends at %v, want %v", session.ExpiresAt, end)
	}
	if again := h.pair("login", issuer.IssueRequest{Subject: "user:alice"}); h.claims(again.AccessToken).SessionID == claims.SessionID {
		t.Error("two logins share a session")
	}
}

func TestIssueWithoutVault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cause error
		want  issuer.Code
	}{
		"unavailable": {fmt.Errorf("%w: %w", signer.ErrUnavailable, errBroken), issuer.Unavailable},
		"overloaded":  {fmt.Errorf("%w: %w", signer.ErrOverloaded, errBroken), issuer.Unavailable},
		"timeout":     {fmt.Errorf("asking: %w", context.DeadlineExceeded), issuer.Unavailable},
		"unknown":     {errBroken, issuer.ServerError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.holder.Fail(c.cause)
			for use, ask := range map[string]func() (*issuer.Response, error){
				"token": func() (*issuer.Response, error) {
					return h.ClientCredentials(t.Context(), h.client("orders"), issuer.ClientCredentialsRequest{})
				},
				"pair": func() (*issuer.Response, error) {
					return h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
				},
			} {
				response, err := ask()
				e := h.refusal(err, c.want)
				if response != nil {
					t.Errorf("%s: answer %+v", use, response)
				}
				if strings.Contains(e.Description, "10.0.0.7") || strings.Contains(e.Description, "hvs.") {
					t.Errorf("%s: Vault's own words are told: %s", use, e.Description)
				}
				if !strings.Contains(e.Error(), "10.0.0.7") && name != "timeout" {
					t.Errorf("%s: the log does not learn why: %v", use, e)
				}
			}
			if dump := h.stored(); dump != "" {
				t.Errorf("a session that nobody holds:\n%s", dump)
			}
		})
	}
}

func TestIssueWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.redis.Close()
	_, err := h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
	h.refused(err, issuer.Unavailable)
	if n := h.counted("signet_tokens_issued_total", "issue", "main"); n != 0 {
		t.Errorf("%v tokens counted that nobody got", n)
	}
	// What needs no session needs no Redis.
	if _, err := h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice"}); err != nil {
		t.Error(err)
	}
	h.token("orders", issuer.ClientCredentialsRequest{})
}

func TestIssueWithoutMACKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.macKeys.Down(true)
	_, err := h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
	h.refused(err, issuer.Unavailable)
}

func TestIssueWithoutRandomness(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *issuer.Config) { c.Rand = strings.NewReader("") })
	_, err := h.ClientCredentials(t.Context(), h.client("orders"), issuer.ClientCredentialsRequest{})
	h.refused(err, issuer.ServerError)
	_, err = h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
	h.refused(err, issuer.ServerError)
	if h.holder.Signs() != 0 {
		t.Error("a token without a jti was signed")
	}
}

// A caller who is gone has no use for a token, and it is nobody's failure.
func TestIssueForNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.holder.OnSign(func(ctx context.Context, _ signer.Request) error { return ctx.Err() })
	_, err := h.ClientCredentials(gone(t), h.client("orders"), issuer.ClientCredentialsRequest{})
	h.refused(err, issuer.Unavailable)
}

// A client that the file no longer has may still be in the hands of a request.
func TestAClientsIDStaysTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	wide := h.client("wide")
	if _, err := h.Issue(t.Context(), wide, issuer.IssueRequest{Subject: "alice"}); err != nil {
		t.Fatal(err)
	}
	h.amend("alice", func(e *clients.Entry) {
		*e = clients.Entry{Grants: []string{"client_credentials"}, Audiences: []string{api}}
	})
	_, err := h.Issue(t.Context(), wide, issuer.IssueRequest{Subject: "alice"})
	h.refused(err, issuer.AccessDenied)
}
