package issuer_test

import (
	"testing"
	"time"

	"signet/issuer"
	"signet/refresh"
)

func (h *house) sessions(id string, o refresh.Owner) []refresh.Session {
	h.t.Helper()
	list, _, err := h.ListSessions(h.t.Context(), h.client(id), refresh.ListRequest{Owner: o})
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *house) ended(n int, err error, want int) {
	h.t.Helper()
	if err != nil || n != want {
		h.t.Fatalf("ended %d, %v; want %d", n, err, want)
	}
}

// TestSessionsUnderPolicy: whose sessions a client sees and ends.
func TestSessionsUnderPolicy(t *testing.T) {
	t.Parallel()
	alice := refresh.Owner{Subject: "user:alice"}
	for name, c := range map[string]struct {
		client string
		owner  refresh.Owner
		want   int // sessions of alice at login and at rival
		code   issuer.Code
	}{
		"all, a subject":            {"admin", alice, 2, ""},
		"all, a client":             {"admin", refresh.Owner{ClientID: "rival"}, 1, ""},
		"all, both":                 {"admin", refresh.Owner{Subject: "user:alice", ClientID: "login"}, 1, ""},
		"all, somebody else":        {"admin", refresh.Owner{Subject: "user:bob"}, 0, ""},
		"all, nobody":               {"admin", refresh.Owner{}, 0, issuer.InvalidRequest},
		"own, a subject":            {"login", alice, 1, ""},
		"own, itself":               {"login", refresh.Owner{ClientID: "login"}, 1, ""},
		"own, another client":       {"login", refresh.Owner{ClientID: "rival"}, 0, issuer.AccessDenied},
		"own, a subject at another": {"login", refresh.Owner{Subject: "user:alice", ClientID: "rival"}, 0, issuer.AccessDenied},
		"none, its own":             {"rival", refresh.Owner{ClientID: "rival"}, 0, issuer.AccessDenied},
		"none, a subject":           {"gateway", alice, 0, issuer.AccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.login()
			h.pair("rival", issuer.IssueRequest{Subject: "user:alice"})
			before := h.stored()
			list, next, err := h.ListSessions(t.Context(), h.client(c.client), refresh.ListRequest{Owner: c.owner})
			if c.code != "" {
				h.refused(err, c.code)
				_, err = h.EndSessions(t.Context(), h.client(c.client), c.owner)
				h.refused(err, c.code)
				if h.stored() != before {
					t.Error("a refusal wrote something")
				}
				return
			}
			if err != nil || len(list) != c.want || next != "" {
				t.Fatalf("listed %v, next %q, %v; want %d", list, next, err, c.want)
			}
			n, err := h.EndSessions(t.Context(), h.client(c.client), c.owner)
			h.ended(n, err, c.want)
			if left := h.sessions("admin", alice); len(left) != 2-c.want {
				t.Errorf("%d sessions are left", len(left))
			}
		})
	}
}

// TestEndSessionsEndsTokens: after the answer nothing works that was there
// before, with a session or without, and logging in again does at once.
func TestEndSessionsEndsTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pair := h.login()
	single, err := h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice"})
	if err != nil {
		t.Fatal(err)
	}
	bobs := h.pair("login", issuer.IssueRequest{Subject: "user:bob"})
	if h.active("login", single.AccessToken) == nil {
		t.Fatal("inactive before")
	}
	n, err := h.EndSessions(t.Context(), h.client("login"), refresh.Owner{Subject: "user:alice"})
	h.ended(n, err, 1)
	for name, token := range map[string]string{"access": pair.AccessToken, "refresh": pair.RefreshToken, "single": single.AccessToken} {
		if h.active("login", token) != nil {
			t.Errorf("the %s token goes on", name)
		}
	}
	_, err = h.Refresh(t.Context(), h.client("login"), issuer.RefreshRequest{Token: pair.RefreshToken})
	h.refused(err, issuer.InvalidGrant)
	if h.active("login", bobs.AccessToken) == nil {
		t.Error("bob was logged out too")
	}
	again := h.login()
	if h.active("login", again.AccessToken) == nil || h.active("login", again.RefreshToken) == nil {
		t.Error("logging in again does not work")
	}
	h.pass(2*skew + time.Second)
	if single, err = h.Issue(t.Context(), h.client("login"), issuer.IssueRequest{Subject: "user:alice"}); err != nil || h.active("login", single.AccessToken) == nil {
		t.Errorf("a later token is dead: %v", err)
	}
	n, err = h.EndSessions(t.Context(), h.client("login"), refresh.Owner{Subject: "user:alice"})
	h.ended(n, err, 1)
}

// TestEndClient: a client's own tokens end too.
func TestEndClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token("orders", issuer.ClientCredentialsRequest{})
	if h.active("gateway", token) == nil {
		t.Fatal("inactive before")
	}
	n, err := h.EndSessions(t.Context(), h.client("admin"), refresh.Owner{ClientID: "orders"})
	h.ended(n, err, 0)
	if h.active("gateway", token) != nil {
		t.Error("the client's token goes on")
	}
}

func TestEndSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine, theirs := h.login(), h.pair("rival", issuer.IssueRequest{Subject: "user:alice"})
	sidOf := func(r *issuer.Response) string { return h.claims(r.AccessToken).SessionID }
	_, err := h.EndSession(t.Context(), h.client("rival"), sidOf(theirs))
	h.refused(err, issuer.AccessDenied)
	for _, c := range []struct {
		by, sid string
		want    int
	}{
		{"login", sidOf(theirs), 0},
		{"login", "nonsense", 0},
		{"login", sidOf(mine), 1},
		{"login", sidOf(mine), 0},
		{"admin", sidOf(theirs), 1},
		{"admin", sidOf(theirs), 0},
	} {
		n, err := h.EndSession(t.Context(), h.client(c.by), c.sid)
		h.ended(n, err, c.want)
	}
	if h.active("login", mine.AccessToken) != nil || h.active("rival", theirs.RefreshToken) != nil {
		t.Error("a token outlives its session")
	}
}

// TestSessionsWithoutRedis: an outage is said to be one.
func TestSessionsWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.login().AccessToken
	h.redis.Close()
	_, _, err := h.ListSessions(t.Context(), h.client("admin"), refresh.ListRequest{Owner: refresh.Owner{Subject: "user:alice"}})
	h.refused(err, issuer.Unavailable)
	_, err = h.EndSessions(t.Context(), h.client("admin"), refresh.Owner{Subject: "user:alice"})
	h.refused(err, issuer.Unavailable)
	_, err = h.EndSession(t.Context(), h.client("admin"), h.claims(token).SessionID)
	h.refused(err, issuer.Unavailable)
	_, err = h.Introspect(t.Context(), h.client("login"), token)
	h.refused(err, issuer.Unavailable)
	_, _, err = h.ListSessions(t.Context(), h.client("admin"), refresh.ListRequest{Owner: refresh.Owner{Subject: "x"}, Cursor: "x"})
	h.refused(err, issuer.InvalidRequest)
}
