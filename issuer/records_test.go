package issuer_test

import (
	"context"
	"testing"

	"signet/audit"
	"signet/audit/schematest"
	"signet/issuer"
	"signet/refresh"
	"signet/signer"
)

// spy remembers where tokens are said to come from.
type spy struct {
	issuer.Signer

	origins []signer.Origin
}

func (s *spy) Sign(ctx context.Context, ring string, c signer.Claims, o signer.Origin) (signer.Token, error) {
	s.origins = append(s.origins, o)
	return s.Signer.Sign(ctx, ring, c, o)
}

func call(t *testing.T) context.Context {
	t.Helper()
	return issuer.WithCaller(t.Context(), issuer.Caller{Auth: "client_secret_post", Remote: "10.0.0.1", TraceID: "trace"})
}

// TestOrigin: what the record of a token says besides its claims.
func TestOrigin(t *testing.T) {
	t.Parallel()
	s := &spy{}
	h := newHouse(t, func(c *issuer.Config) { s.Signer, c.Signer = c.Signer, s })
	ctx := call(t)
	if _, err := h.ClientCredentials(ctx, h.client("orders"), issuer.ClientCredentialsRequest{}); err != nil {
		t.Fatal(err)
	}
	pair, err := h.Issue(ctx, h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if pair, err = h.Refresh(ctx, h.client("login"), issuer.RefreshRequest{Token: pair.RefreshToken}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.origins) != 4 {
		t.Fatalf("%d signatures", len(s.origins))
	}
	first := s.origins[1].Generation + 1
	for i, want := range []signer.Origin{
		{Grant: "client_credentials"}, {Grant: "issue"}, {Grant: "refresh_token", Generation: first}, {Grant: "refresh_token", Generation: first + 1},
	} {
		want.Auth, want.Remote, want.TraceID = "client_secret_post", "10.0.0.1", "trace"
		if s.origins[i] != want {
			t.Errorf("signature %d comes from %+v, want %+v", i, s.origins[i], want)
		}
	}
}

// broken is a Refresher that stores nothing.
type broken struct{ issuer.Refresher }

func (broken) Create(context.Context, refresh.Family, refresh.Session) (string, refresh.Session, error) {
	return "", refresh.Session{}, refresh.ErrUnavailable
}

func (broken) Commit(context.Context, *refresh.Attempt) (string, refresh.Session, error) {
	return "", refresh.Session{}, refresh.ErrInvalid
}

// TestWithheld: a token that was signed and went to nobody is recorded as such.
func TestWithheld(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *issuer.Config) { c.Journal = notes })
	pair := h.login()
	if got := notes.Take(t); len(got) != 0 {
		t.Errorf("noted of a plain login: %+v", got)
	}
	h = newHouse(t, func(c *issuer.Config) { c.Journal, c.Refresher = notes, broken{h.store} })
	_, err := h.Issue(call(t), h.client("login"), issuer.IssueRequest{Subject: "user:alice", Refresh: true})
	h.refused(err, issuer.Unavailable)
	_, err = h.Refresh(call(t), h.client("login"), issuer.RefreshRequest{Token: pair.RefreshToken})
	h.refused(err, issuer.InvalidGrant)
	got := notes.Take(t)
	if len(got) != 2 {
		t.Fatalf("noted: %+v", got)
	}
	for i, reason := range []string{"temporarily_unavailable", "invalid_grant"} {
		if r := got[i]; r.Event != audit.EventWithheld || r.Reason != reason || r.JTI == "" || r.SID == "" || r.ClientID != "login" || r.Subject != "user:alice" || r.Remote != "10.0.0.1" {
			t.Errorf("noted: %+v", r)
		}
	}
}

// TestRevocationsAreNoted: who ended what. What was not there to end, or was
// refused, is not.
func TestRevocationsAreNoted(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *issuer.Config) { c.Journal = notes })
	ctx := call(t)
	one := func(what string, want audit.Record) {
		t.Helper()
		want.Event, want.Auth, want.Remote, want.TraceID = audit.EventRevoked, "client_secret_post", "10.0.0.1", "trace"
		got := notes.Take(t)
		if len(got) != 1 {
			t.Fatalf("%s: noted %+v", what, got)
		}
		if got[0].JTI != "" && want.JTI == "any" {
			got[0].JTI = "any"
		}
		got[0].Audience, want.Audience = nil, nil
		if got[0].Append(nil) == nil || string(got[0].Append(nil)) != string(want.Append(nil)) {
			t.Errorf("%s: noted %+v, want %+v", what, got[0], want)
		}
	}
	none := func(what string) {
		t.Helper()
		if got := notes.Take(t); len(got) != 0 {
			t.Errorf("%s: noted %+v", what, got)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	token := h.token("orders", issuer.ClientCredentialsRequest{})
	must(h.Revoke(ctx, h.client("orders"), token))
	one("an access token", audit.Record{ClientID: "orders", Kind: "token", JTI: "any", Subject: "orders"})
	must(h.Revoke(ctx, h.client("rival"), token))
	none("another client's token")

	pair := h.login()
	sid := h.claims(pair.AccessToken).SessionID
	must(h.Revoke(ctx, h.client("login"), pair.RefreshToken))
	one("a refresh token", audit.Record{ClientID: "login", Kind: "session", SID: sid})
	must(h.Revoke(ctx, h.client("login"), pair.RefreshToken))
	none("again")

	sid = h.claims(h.login().AccessToken).SessionID
	_, err := h.EndSession(ctx, h.client("admin"), sid)
	must(err)
	one("a session", audit.Record{ClientID: "admin", Kind: "session", SID: sid})
	_, err = h.EndSession(ctx, h.client("admin"), sid)
	must(err)
	none("again")

	h.login()
	_, err = h.EndSessions(ctx, h.client("admin"), refresh.Owner{Subject: "user:alice", ClientID: "login"})
	must(err)
	one("all sessions", audit.Record{ClientID: "admin", Kind: "sessions", Subject: "user:alice", Owner: "login", Count: 1})
	_, err = h.EndSessions(ctx, h.client("gateway"), refresh.Owner{Subject: "user:alice"})
	h.refused(err, issuer.AccessDenied)
	none("refused")

	h.redis.SetError("LOADING")
	_, err = h.EndSessions(ctx, h.client("admin"), refresh.Owner{Subject: "user:alice"})
	h.refused(err, issuer.Unavailable)
	one("without an answer", audit.Record{ClientID: "admin", Kind: "sessions", Subject: "user:alice", Reason: "not confirmed: temporarily_unavailable"})
}
