package refreshtest

import (
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

var listTests = map[string]func(*fixture){
	"ListIsPagedNewestFirst":       listIsPaged,
	"ListPagesWithinAMillisecond":  listWithinAMillisecond,
	"ListByClient":                 listByClient,
	"ListWithoutKeysTakesItsWord":  listWithoutKeys,
	"ListRefusesCursorsOfNobody":   listRefusesCursors,
	"ListSaysWhenSessionsWereUsed": listSaysWhen,
	"ListGoesPastWhatIsOver":       listGoesPast,
	"ListGoesPastScoresOfNobody":   listGoesPastScores,
}

// pages walks a whole list.
func (f *fixture) pages(o refresh.Owner, limit int) [][]refresh.Session {
	f.t.Helper()
	var all [][]refresh.Session
	for cursor := ""; ; {
		page, next, err := f.store.List(f.ctx(), refresh.ListRequest{Owner: o, Limit: limit, Cursor: cursor})
		if err != nil {
			f.t.Fatalf("listing: %v", err)
		}
		if all = append(all, page); next == "" {
			return all
		}
		if next == cursor || len(all) > 1000 {
			f.t.Fatalf("the list does not end")
		}
		cursor = next
	}
}

func sids(pages [][]refresh.Session) []string {
	var list []string
	for _, page := range pages {
		for _, s := range page {
			list = append(list, s.SID)
		}
	}
	return list
}

func listIsPaged(f *fixture) {
	alice := f.ownSubject("alice")
	var want []string
	for range 7 {
		_, sid := f.login(alice, 1)
		want = append(want, sid...)
		f.h.Advance(2 * time.Millisecond)
	}
	slices.Reverse(want)
	for limit := 1; limit < 9; limit++ {
		pages := f.pages(refresh.Owner{Subject: alice}, limit)
		if got := sids(pages); !slices.Equal(got, want) {
			f.t.Fatalf("by %d: %v, want %v", limit, got, want)
		}
		if len(pages[0]) != min(limit, 7) {
			f.t.Fatalf("a page of %d with a limit of %d", len(pages[0]), limit)
		}
	}
}

// listWithinAMillisecond: many sessions that began at the same time.
func listWithinAMillisecond(f *fixture) {
	alice := f.ownSubject("alice")
	_, want := f.login(alice, 25)
	for _, sid := range want {
		if err := f.h.Redis.ZAdd(f.ctx(), f.indexOf(alice), redis.Z{Score: 1_700_000_000_000, Member: sid}).Err(); err != nil {
			f.t.Fatalf("%v", err)
		}
	}
	slices.Sort(want)
	slices.Reverse(want)
	for _, limit := range []int{1, 2, 3, 7, 24, 25, 26} {
		if got := sids(f.pages(refresh.Owner{Subject: alice}, limit)); !slices.Equal(got, want) {
			f.t.Fatalf("by %d: %v, want %v", limit, got, want)
		}
	}
}

func listByClient(f *fixture) {
	alice, bob, web, app := f.ownSubject("alice"), f.ownSubject("bob"), f.ownSubject("web"), f.ownSubject("app")
	of := map[refresh.Owner]string{}
	for _, subject := range []string{alice, bob} {
		for _, client := range []string{web, app} {
			session := newSession()
			session.Subject, session.ClientID = subject, client
			_, stored := f.createAs(f.t, session)
			of[refresh.Owner{Subject: subject, ClientID: client}] = stored.SID
		}
	}
	for o, want := range map[refresh.Owner][]string{
		{Subject: alice}:                          {of[refresh.Owner{Subject: alice, ClientID: web}], of[refresh.Owner{Subject: alice, ClientID: app}]},
		{ClientID: web}:                           {of[refresh.Owner{Subject: alice, ClientID: web}], of[refresh.Owner{Subject: bob, ClientID: web}]},
		{Subject: bob, ClientID: app}:             {of[refresh.Owner{Subject: bob, ClientID: app}]},
		{Subject: bob, ClientID: "nobody:" + app}: nil,
	} {
		got := sids(f.pages(o, 1))
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			f.t.Fatalf("%+v: %v, want %v", o, got, want)
		}
	}
	if _, _, err := f.store.List(f.ctx(), refresh.ListRequest{}); err == nil {
		f.t.Fatalf("a list of nobody's sessions")
	}
}

// listWithoutKeys is an operator's tool: it may look and revoke, and nothing else.
func listWithoutKeys(f *fixture) {
	alice := f.ownSubject("alice")
	tokens, sid := f.login(alice, 1)
	f.configure(func(c *refresh.Config) { c.Keys = nil })
	f.wantListed(alice, sid)
	_, _, err := f.refresh(tokens[0])
	f.wantUnavailable(err)
	_, _, err = f.store.Create(f.ctx(), refresh.Family{3}, newSession())
	f.wantUnavailable(err)
	if n, err := f.store.RevokeAll(f.ctx(), refresh.Owner{Subject: alice}); err != nil || n != 1 {
		f.t.Fatalf("revoked %d, %v", n, err)
	}
	f.configure(func(*refresh.Config) {})
	f.refused(tokens[0], refresh.CauseRevoked)
}

func listRefusesCursors(f *fixture) {
	alice := f.ownSubject("alice")
	f.login(alice, 3)
	_, good, err := f.store.List(f.ctx(), refresh.ListRequest{Owner: refresh.Owner{Subject: alice}, Limit: 1})
	if err != nil || good == "" {
		f.t.Fatalf("cursor %q, %v", good, err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for _, cursor := range []string{
		"x", "=", good + "A", good[:len(good)-1], "!" + good[1:], encode([]byte("1 5")), encode([]byte("1 x y")), encode([]byte("2 5 y")),
		encode([]byte("1 05 y")), encode([]byte("1 +5 y")), encode(make([]byte, 100)), encode([]byte("1 99999999999999999999 y")),
	} {
		if _, _, err := f.store.List(f.ctx(), refresh.ListRequest{Owner: refresh.Owner{Subject: alice}, Cursor: cursor}); !errors.Is(err, refresh.ErrCursor) {
			f.t.Fatalf("%q: %v, want ErrCursor", cursor, err)
		}
	}
}

func listSaysWhen(f *fixture) {
	alice := f.ownSubject("alice")
	tokens, _ := f.login(alice, 1)
	f.h.Advance(20 * time.Millisecond)
	_, refreshed := f.mustRefresh(tokens[0])
	got := f.pages(refresh.Owner{Subject: alice}, 0)[0][0]
	if !got.LastUsedAt.Equal(refreshed.LastUsedAt) || !got.IdleExpiresAt.Equal(refreshed.IdleExpiresAt) || !got.LastUsedAt.After(got.CreatedAt) ||
		got.Label != "Firefox on Linux" || got.Scope != "profile" || !slices.Equal(got.Audience, []string{"https://api.example.com"}) {
		f.t.Fatalf("listed %+v", got)
	}
}

// listGoesPast: many sessions that are over stand before the one that is not.
func listGoesPast(f *fixture) {
	alice := f.ownSubject("alice")
	_, first := f.login(alice, 1)
	f.h.Advance(2 * time.Millisecond)
	_, later := f.login(alice, 30)
	for _, sid := range later {
		if _, err := f.store.Revoke(f.ctx(), sid, ""); err != nil {
			f.t.Fatalf("revoking: %v", err)
		}
	}
	if got := sids(f.pages(refresh.Owner{Subject: alice}, 2)); !slices.Equal(got, first) {
		f.t.Fatalf("listed %v, want %v", got, first)
	}
}

// listGoesPastScores that somebody planted: the list ends all the same, and has
// the others.
func listGoesPastScores(f *fixture) {
	for _, score := range []float64{math.Inf(-1), -1e300, -1.5, 1.5, 1e300, math.Inf(1)} {
		alice := f.ownSubject("alice")
		_, planted := f.login(alice, 1)
		_, others := f.login(alice, 2)
		if err := f.h.Redis.ZAdd(f.ctx(), f.indexOf(alice), redis.Z{Score: score, Member: planted[0]}).Err(); err != nil {
			f.t.Fatalf("planting: %v", err)
		}
		for _, limit := range []int{1, 100} {
			got := sids(f.pages(refresh.Owner{Subject: alice}, limit))
			for _, sid := range others {
				if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != sid })); n != 1 {
					f.t.Fatalf("score %g, limit %d: a session is there %d times", score, limit, n)
				}
			}
		}
	}
}
