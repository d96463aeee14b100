package refreshtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

var indexTests = map[string]func(*fixture){
	"ListsBySubject":                 listsBySubject,
	"RevokesBySubject":               revokesBySubject,
	"RevokesBySubjectWithoutKeys":    revokesWithoutKeys,
	"RevokesWhatIsBeingCreated":      revokesWhatIsBeingCreated,
	"IndexIsWrittenBeforeTheSession": indexFirst,
	"IndexIsPrunedAndEnds":           indexIsPruned,
	"IndexForgetsTheOver":            indexForgetsTheOver,
	"IndexForgedEntriesAreHarmless":  forgedEntries,
}

// ownSubject is one that no other test on the same server uses.
func (f *fixture) ownSubject(name string) string { return "user:" + name + ":" + rand.Text() }

func (*fixture) indexOf(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "signet:u:{" + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "}"
}

func (*fixture) indexOfClient(client string) string {
	return (*fixture)(nil).indexOf(client)[:7] + "c" + (*fixture)(nil).indexOf(client)[8:]
}

// login makes sessions of one subject.
func (f *fixture) login(subject string, n int) (tokens, sids []string) {
	f.t.Helper()
	for range n {
		session := newSession()
		session.Subject = subject
		token, stored := f.createAs(f.t, session)
		tokens, sids = append(tokens, token), append(sids, stored.SID)
	}
	return tokens, sids
}

func (f *fixture) listed(subject string) []string {
	f.t.Helper()
	sessions, _, err := f.store.List(f.ctx(), refresh.ListRequest{Owner: refresh.Owner{Subject: subject}, Limit: refresh.MaxLimit})
	if err != nil {
		f.t.Fatalf("listing: %v", err)
	}
	sids := make([]string, len(sessions))
	for i, s := range sessions {
		if s.Subject != subject || s.ClientID != client || s.Label == "" || s.ExpiresAt.IsZero() {
			f.t.Fatalf("listed %+v", s)
		}
		sids[i] = s.SID
	}
	slices.Sort(sids)
	return sids
}

func (f *fixture) wantListed(subject string, want []string) {
	f.t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := f.listed(subject); !slices.Equal(got, want) {
		f.t.Fatalf("listed %v, want %v", got, want)
	}
}

func listsBySubject(f *fixture) {
	alice, bob := f.ownSubject("alice"), f.ownSubject("bob")
	tokens, sids := f.login(alice, 3)
	_, others := f.login(bob, 1)
	f.wantListed(alice, sids)
	f.wantListed(bob, others)
	f.wantListed(f.ownSubject("nobody"), nil)
	f.mustRefresh(tokens[0])
	f.wantListed(alice, sids)
	if _, err := f.store.Revoke(f.ctx(), sids[1], ""); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	f.wantListed(alice, []string{sids[0], sids[2]})
}

func revokesBySubject(f *fixture) {
	alice, bob := f.ownSubject("alice"), f.ownSubject("bob")
	const many = 130 // more than are read in one round
	tokens, sids := f.login(alice, many)
	other, _ := f.login(bob, 1)
	if _, err := f.store.Revoke(f.ctx(), sids[0], ""); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	for _, want := range []int{many - 1, 0} {
		if n, err := f.store.RevokeAll(f.ctx(), refresh.Owner{Subject: alice}); err != nil || n != want {
			f.t.Fatalf("revoked %d, %v; want %d", n, err, want)
		}
	}
	for _, token := range tokens {
		f.refused(token, refresh.CauseRevoked)
	}
	f.wantListed(alice, nil)
	f.mustRefresh(other[0])
	again, sid := f.login(alice, 1) // logging in again at once works
	f.mustRefresh(again[0])
	f.wantListed(alice, sid)
}

func revokesWithoutKeys(f *fixture) {
	alice := f.ownSubject("alice")
	tokens, _ := f.login(alice, 2)
	f.keys.Down(true)
	if n, err := f.store.RevokeAll(f.ctx(), refresh.Owner{Subject: alice}); err != nil || n != 2 {
		f.t.Fatalf("revoked %d, %v; want 2", n, err)
	}
	f.keys.Down(false)
	f.refused(tokens[0], refresh.CauseRevoked)
	f.refused(tokens[1], refresh.CauseRevoked)
}

// beforeStoring runs f between a session's index entry and its record.
func (f *fixture) beforeStoring(step func()) {
	f.hooks.step("", func(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
		if key, ok := cmd.Args()[3].(string); ok && key[:9] == "signet:s:" {
			f.hooks.pass()
			step()
		}
		return next(ctx, cmd)
	})
}

// revokesWhatIsBeingCreated: "log out everywhere" comes between the writes of a
// login. The login must not survive it, with or without an answer.
func revokesWhatIsBeingCreated(f *fixture) {
	for _, o := range []func(subject, client string) refresh.Owner{
		func(subject, _ string) refresh.Owner { return refresh.Owner{Subject: subject} },
		func(_, client string) refresh.Owner { return refresh.Owner{ClientID: client} },
		func(subject, client string) refresh.Owner { return refresh.Owner{Subject: subject, ClientID: client} },
	} {
		session := newSession()
		session.Subject, session.ClientID = f.ownSubject("alice"), f.ownSubject("client")
		f.beforeStoring(func() {
			if _, err := f.store.RevokeAll(f.ctx(), o(session.Subject, session.ClientID)); err != nil {
				f.t.Errorf("revoking: %v", err)
			}
		})
		token, stored := f.createAs(f.t, session)
		_, _, err := f.refreshAs(f.ctx(), token, session.ClientID)
		f.wantCause(err, refresh.CauseRevoked)
		f.wantDenied(refresh.AccessToken{SID: stored.SID, Subject: session.Subject, ClientID: session.ClientID}, true)
	}
}

func indexFirst(f *fixture) {
	session := newSession()
	session.Subject, session.ClientID = f.ownSubject("alice"), f.ownSubject("client")
	var entries []int64
	f.beforeStoring(func() {
		for _, key := range []string{f.indexOf(session.Subject), f.indexOfClient(session.ClientID)} {
			entries = append(entries, f.h.Redis.ZCard(f.ctx(), key).Val())
		}
	})
	f.createAs(f.t, session)
	if !slices.Equal(entries, []int64{1, 1}) {
		f.t.Fatalf("%v index entries when the session was stored, want one each", entries)
	}
}

func indexIsPruned(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Idle, c.Absolute = f.h.Grace, f.h.Grace })
	alice := f.ownSubject("alice")
	key := f.indexOf(alice)
	f.login(alice, 3)
	f.h.Advance(f.h.Grace / 2)
	_, later := f.login(alice, 1)
	f.h.Advance(f.h.Grace / 2)
	f.wantListed(alice, later)
	if ttl := f.h.Redis.PTTL(f.ctx(), key).Val(); ttl <= 0 || ttl > f.h.Grace {
		f.t.Fatalf("the index ends in %v, want %v at most", ttl, f.h.Grace)
	}
	_, last := f.login(alice, 1)
	f.wantListed(alice, append(later, last...))
	f.h.Advance(f.h.Grace + 5*time.Millisecond)
	if n := f.h.Redis.Exists(f.ctx(), key).Val(); n != 0 {
		f.t.Fatalf("the index outlives its sessions")
	}
}

// indexForgetsTheOver: entries of sessions that are over, however they ended,
// go when somebody lists or logs in; those that may still be stored stay.
func indexForgetsTheOver(f *fixture) {
	const idle = 5 * time.Minute
	f.configure(func(c *refresh.Config) { c.Idle = idle })
	alice := f.ownSubject("alice")
	key := f.indexOf(alice)
	entries := func() int64 { return f.h.Redis.ZCard(f.ctx(), key).Val() }
	age := func(sids []string, by time.Duration) { // as if they had begun earlier
		for _, sid := range sids {
			if err := f.h.Redis.ZIncrBy(f.ctx(), key, -float64(by.Milliseconds()), sid).Err(); err != nil {
				f.t.Fatalf("ageing: %v", err)
			}
		}
	}
	_, young := f.login(alice, 2)
	_, old := f.login(alice, 3)
	age(old, 2*time.Minute)
	for _, sid := range append(slices.Clone(young), old...) {
		f.h.Redis.Del(f.ctx(), recordKey(sid))
	}
	f.wantListed(alice, nil)
	if n := entries(); n != 2 {
		f.t.Fatalf("%d entries after a list, want the 2 that may be on their way", n)
	}
	age(young, idle+time.Minute)
	_, kept := f.login(alice, 1)
	if n := entries(); n != 1 {
		f.t.Fatalf("%d entries after a login, want its own", n)
	}
	f.wantListed(alice, kept)
}

// forgedEntries: somebody with the right to write Redis enters other people's
// sessions, and texts that are none.
func forgedEntries(f *fixture) {
	alice, bob := f.ownSubject("alice"), f.ownSubject("bob")
	tokens, sids := f.login(alice, 1)
	_, mine := f.login(bob, 1)
	for _, member := range []string{sids[0], "nonsense", "*", refresh.Family{7}.SID()} {
		for suffix, score := range map[string]float64{"": 9e15, "!": 1, "?": math.Inf(-1), "#": math.Inf(1)} {
			if score != 9e15 {
				member += suffix
			}
			if err := f.h.Redis.ZAdd(f.ctx(), f.indexOf(bob), redis.Z{Score: score, Member: member}).Err(); err != nil {
				f.t.Fatalf("forging: %v", err)
			}
		}
	}
	f.wantListed(bob, mine)
	f.login(bob, 1) // a score of nobody's making does not stop a login
	if n, err := f.store.RevokeAll(f.ctx(), refresh.Owner{Subject: bob}); err != nil || n != 2 {
		f.t.Fatalf("revoked %d, %v; want 2", n, err)
	}
	f.mustRefresh(tokens[0])
}
