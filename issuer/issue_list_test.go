package issuer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/schematest"
	"signet/clients"
	"signet/issuer"
	"signet/refresh"
	"signet/signer"
)

// subjects are requests for user:0, user:1 and so on.
func subjects(n int) []issuer.IssueRequest {
	requests := make([]issuer.IssueRequest, n)
	for i := range requests {
		requests[i].Subject = fmt.Sprintf("user:%d", i)
	}
	return requests
}

// listOf is a list of requests that were read before.
func listOf(requests []issuer.IssueRequest) issuer.List {
	return issuer.List{Len: len(requests), Request: func(n int) (issuer.IssueRequest, error) { return requests[n], nil }}
}

// TestIssueList: each request of a list ends as it would alone, in order, and
// counts alone.
func TestIssueList(t *testing.T) {
	t.Parallel()
	m := &met{}
	h := newHouse(t, func(c *issuer.Config) { c.Usage = m })
	requests := []issuer.IssueRequest{
		{Subject: "user:alice", Scope: "profile", TTL: time.Minute},
		{Subject: "admin:root"},
		{Subject: "user:bob", Refresh: true, Label: "Firefox"},
		{Subject: "user:carol", Claims: map[string]json.RawMessage{"sub": json.RawMessage(`"x"`)}},
		{Subject: "user:dave", Claims: map[string]json.RawMessage{"tenant": json.RawMessage(`"acme"`)}},
		{Subject: "user:erin", Scope: "root"},
		{},
		{Subject: "user:frank", Audience: []string{"https://evil.example.com"}},
		{Subject: "user:alice"},
	}
	codes := []issuer.Code{"", issuer.AccessDenied, "", issuer.InvalidRequest, "", issuer.InvalidScope, issuer.InvalidRequest, issuer.InvalidTarget, ""}
	results, err := h.IssueList(t.Context(), h.client("login"), listOf(requests))
	if err != nil || len(results) != len(requests) {
		t.Fatalf("%d results, %v", len(results), err)
	}
	ids := map[string]bool{}
	for i, r := range results {
		if (r.Response == nil) != (codes[i] != "") || (r.Err == nil) != (codes[i] == "") {
			t.Fatalf("request %d: %+v", i, r)
		}
		if r.Err != nil {
			_, alone := h.Issue(t.Context(), h.client("login"), requests[i])
			if got := h.refusal(r.Err, codes[i]); got.Error() != alone.Error() {
				t.Errorf("request %d: %v, alone %v", i, got, alone)
			}
			continue
		}
		claims := h.claims(r.Response.AccessToken)
		if claims.Subject != requests[i].Subject || len(claims.Custom) != len(requests[i].Claims) || ids[claims.ID] {
			t.Errorf("request %d: claims %+v", i, claims)
		}
		ids[claims.ID] = true
		if (r.Response.RefreshToken != "") != requests[i].Refresh || (claims.SessionID != "") != requests[i].Refresh {
			t.Errorf("request %d: %+v", i, r.Response)
		}
	}
	if life := results[0].Response.ExpiresIn; life != time.Minute {
		t.Errorf("the life that was asked for is %v", life)
	}
	h.refreshed(results[2].Response.RefreshToken)
	m.want(t, []string{"main", "main", "main", "main", "main"}, nil)
	if n := h.counted("signet_tokens_issued_total", "issue", "main"); n != 4 {
		t.Errorf("%v tokens counted", n)
	}
	if n := h.counted("signet_requests_refused_total", "invalid_request", "issue"); n != 2*2 {
		t.Errorf("%v refusals counted", n)
	}
}

func TestIssueListOfNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if results, err := h.IssueList(t.Context(), h.client("login"), listOf(nil)); err != nil || len(results) != 0 {
		t.Errorf("%v, %v", results, err)
	}
	// Who may not issue is told once.
	_, err := h.IssueList(t.Context(), h.client("orders"), listOf(subjects(3)))
	h.refused(err, issuer.UnauthorizedClient)
	if h.holder.Signs() != 0 || h.counted("signet_requests_refused_total", "unauthorized_client", "issue") != 1 {
		t.Errorf("%d signatures", h.holder.Signs())
	}
}

// TestIssueListWidth: so many at once, and never more.
func TestIssueListWidth(t *testing.T) {
	t.Parallel()
	const width = 4
	h := newHouse(t, func(c *issuer.Config) { c.ListWidth = width })
	var begun, now, most atomic.Int64
	var first sync.WaitGroup
	first.Add(width)
	h.holder.OnSign(func(context.Context, signer.Request) error {
		for n := now.Add(1); ; {
			seen := most.Load()
			if n <= seen || most.CompareAndSwap(seen, n) {
				break
			}
		}
		defer now.Add(-1)
		if begun.Add(1) <= width {
			first.Done()
			first.Wait() // for one another: they are under way together
		}
		return nil
	})
	results, err := h.IssueList(t.Context(), h.client("login"), listOf(subjects(50)))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil || h.claims(r.Response.AccessToken).Subject != fmt.Sprintf("user:%d", i) {
			t.Errorf("request %d: %+v", i, r)
		}
	}
	if most.Load() != width {
		t.Errorf("%d at once", most.Load())
	}
}

// TestIssueListDeadline: what is made when the time is up is answered.
func TestIssueListDeadline(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *issuer.Config) { c.ListWidth = 1 })
	h.holder.OnSign(func(ctx context.Context, _ signer.Request) error {
		if h.holder.Signs() > 2 {
			<-ctx.Done()
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	results, err := h.IssueList(ctx, h.client("login"), listOf(subjects(20)))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if i < 2 {
			h.claims(r.Response.AccessToken)
		} else {
			h.refused(r.Err, issuer.Unavailable)
		}
	}
}

// TestIssueListForNobody: the caller goes away while the third of a list is
// signed. Nothing more is asked for, and what was signed is on record as
// withheld and counts for nothing.
func TestIssueListForNobody(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	m := &met{}
	h := newHouse(t, func(c *issuer.Config) { c.ListWidth, c.Journal, c.Usage = 1, notes, m })
	ctx, leave := context.WithCancel(call(t))
	defer leave()
	h.holder.OnSign(func(context.Context, signer.Request) error {
		if h.holder.Signs() == 3 {
			leave()
		}
		return nil
	})
	requests := subjects(20)
	requests[1].Refresh = true
	results, err := h.IssueList(ctx, h.client("login"), listOf(requests))
	h.refused(err, issuer.Unavailable)
	if results != nil {
		t.Errorf("%+v", results)
	}
	got := notes.Take(t)
	if len(got) != 2 {
		t.Fatalf("noted %+v", got)
	}
	for i, r := range got {
		if r.Event != audit.EventWithheld || r.JTI != h.holder.Requests()[i].Reference || (r.SID != "") != requests[i].Refresh ||
			r.ClientID != "login" || r.Subject != requests[i].Subject || r.Reason != "temporarily_unavailable" || r.Remote != "10.0.0.1" {
			t.Errorf("noted %+v", r)
		}
	}
	if n := h.counted("signet_tokens_issued_total", "issue", "main"); n != 0 {
		t.Errorf("%v tokens counted", n)
	}
	m.want(t, nil, nil)
}

// TestIssueListSessionLost: a session that cannot be stored fails its own
// request, whose token is on record as withheld.
func TestIssueListSessionLost(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *issuer.Config) { c.Journal, c.Refresher = notes, broken{c.Refresher} })
	requests := subjects(3)
	requests[1].Refresh = true
	results, err := h.IssueList(call(t), h.client("login"), listOf(requests))
	if err != nil {
		t.Fatal(err)
	}
	h.refused(results[1].Err, issuer.Unavailable)
	h.claims(results[0].Response.AccessToken)
	h.claims(results[2].Response.AccessToken)
	wantWithheld(t, notes, "user:1")
}

// panicking is a Refresher with a bug, unless it is well.
type panicking struct {
	issuer.Refresher

	well bool
}

func (p *panicking) Create(ctx context.Context, f refresh.Family, s refresh.Session) (string, refresh.Session, error) {
	if !p.well {
		panic("a bug")
	}
	return p.Refresher.Create(ctx, f, s)
}

func (*panicking) Commit(context.Context, *refresh.Attempt) (string, refresh.Session, error) {
	panic("a bug")
}

// TestIssueListSurvivesAPanic: a bug that one request meets ends neither the
// process nor the other requests.
func TestIssueListSurvivesAPanic(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *issuer.Config) { c.Refresher, c.Journal = &panicking{Refresher: c.Refresher}, notes })
	requests := subjects(3)
	requests[1].Refresh = true
	results, err := h.IssueList(call(t), h.client("login"), listOf(requests))
	if err != nil {
		t.Fatal(err)
	}
	h.refused(results[1].Err, issuer.ServerError)
	if !errors.Is(results[1].Err, issuer.ErrPanic) || !strings.Contains(results[1].Err.Error(), "a bug") {
		t.Errorf("%v", results[1].Err)
	}
	h.claims(results[0].Response.AccessToken)
	h.claims(results[2].Response.AccessToken)
	wantWithheld(t, notes, "user:1")
}

// TestPanicAfterTheSignature: a token that a bug keeps from its caller is on record
// as withheld.
func TestPanicAfterTheSignature(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	bug := &panicking{well: true}
	h := newHouse(t, func(c *issuer.Config) { bug.Refresher, c.Refresher, c.Journal = c.Refresher, bug, notes })
	pair, err := h.Issue(call(t), h.client("login"), issuer.IssueRequest{Subject: "user:1", Refresh: true})
	if err != nil {
		t.Fatal(err)
	}
	bug.well = false
	for name, ask := range map[string]func() error{
		"issue": func() error {
			_, err := h.Issue(call(t), h.client("login"), issuer.IssueRequest{Subject: "user:1", Refresh: true})
			return err
		},
		"refresh": func() error {
			_, err := h.Refresh(call(t), h.client("login"), issuer.RefreshRequest{Token: pair.RefreshToken})
			return err
		},
	} {
		func() {
			defer func() {
				if p := recover(); p != "a bug" {
					t.Errorf("%s panicked with %v", name, p)
				}
			}()
			t.Errorf("%s: %v", name, ask())
		}()
		wantWithheld(t, notes, "user:1")
	}
}

func wantWithheld(t *testing.T, notes *schematest.Notes, subject string) {
	t.Helper()
	if got := notes.Take(t); len(got) != 1 || got[0].Event != audit.EventWithheld || got[0].Subject != subject {
		t.Errorf("noted %+v", got)
	}
}

// TestIssueListReadAsItGoes: a request that cannot be read has its own error and
// counts for nothing, answers are told as they are made, and a bug in telling one
// leaves its token on record as withheld.
func TestIssueListReadAsItGoes(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *issuer.Config) { c.Journal = notes })
	requests := subjects(6)
	unreadable := errors.New("unreadable")
	told := make([]*issuer.Response, len(requests))
	results, err := h.IssueList(call(t), h.client("login"), issuer.List{
		Len: len(requests),
		Request: func(n int) (issuer.IssueRequest, error) {
			switch n {
			case 1:
				return issuer.IssueRequest{}, unreadable
			case 2:
				panic("a bug")
			}
			return requests[n], nil
		},
		Made: func(n int, r *issuer.Response) {
			if n == 3 {
				panic("a bug")
			}
			told[n] = r
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if results[1].Err != unreadable { //nolint:errorlint // itself, and not wrapped
		t.Errorf("%v", results[1].Err)
	}
	for i, r := range results {
		if bug := i == 2 || i == 3; errors.Is(r.Err, issuer.ErrPanic) != bug || (r.Response != nil) != (i != 1 && !bug) || told[i] != r.Response {
			t.Errorf("request %d: %+v, told %v", i, r, told[i])
		}
	}
	if got := notes.Take(t); len(got) != 1 || got[0].Event != audit.EventWithheld || got[0].Subject != "user:3" || got[0].Reason != "server_error" {
		t.Errorf("noted %+v", got)
	}
	if n := h.counted("signet_requests_refused_total", "server_error", "issue"); n != 2 {
		t.Errorf("%v refusals counted", n)
	}
	if n := h.counted("signet_tokens_issued_total", "issue", "main"); n != 3 {
		t.Errorf("%v tokens counted", n)
	}
}

// TestIssueListPolicyOfTheCall: a list is judged by the policy that its client
// had when it asked, as a single request is.
func TestIssueListPolicyOfTheCall(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *issuer.Config) { c.ListWidth = 1 })
	client := h.client("login")
	h.holder.OnSign(func(context.Context, signer.Request) error {
		if h.holder.Signs() == 1 {
			h.amend("login", func(e *clients.Entry) { e.Subjects = []string{"nobody"} })
		}
		return nil
	})
	results, err := h.IssueList(t.Context(), client, listOf(subjects(3)))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("request %d: %v", i, r.Err)
		}
	}
}
