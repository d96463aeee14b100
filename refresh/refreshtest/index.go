package refreshtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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
	"IndexForgedEntriesAreHarmless":  forgedEntries,
}

// ownSubject is one that no other test on the same server uses.
func (f *fixture) ownSubject(name string) string { return "user:" + name + ":" + rand.Text() }

func (*fixture) indexOf(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return "signet:u:" + base64.RawURLEncoding.EncodeToString(sum[:])[:22]
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
	sessions, err := f.store.List(f.ctx(), subject)
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
	if err := f.store.Revoke(f.ctx(), sids[1]); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	f.wantListed(alice, []string{sids[0], sids[2]})
}

func revokesBySubject(f *fixture) {
	alice, bob := f.ownSubject("alice"), f.ownSubject("bob")
	const many = 130 // more than are read in one round
	tokens, sids := f.login(alice, many)
	other, _ := f.login(bob, 1)
	if err := f.store.Revoke(f.ctx(), sids[0]); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	for _, want := range []int{many - 1, 0} {
		if n, err := f.store.RevokeSubject(f.ctx(), alice); err != nil || n != want {
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
	if n, err := f.store.RevokeSubject(f.ctx(), alice); err != nil || n != 2 {
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

// revokesWhatIsBeingCreated: "log out everywhere" comes between the two writes
// of a login. The login must not survive it.
func revokesWhatIsBeingCreated(f *fixture) {
	alice := f.ownSubject("alice")
	session := newSession()
	session.Subject = alice
	f.beforeStoring(func() {
		if _, err := f.store.RevokeSubject(f.ctx(), alice); err != nil {
			f.t.Errorf("revoking: %v", err)
		}
	})
	family := refresh.Family{}
	if _, err := rand.Read(family[:]); err != nil {
		f.t.Fatalf("%v", err)
	}
	_, _, err := f.store.Create(f.ctx(), family, session)
	f.wantUnavailable(err)
	f.wantActive(family.SID(), false)
}

func indexFirst(f *fixture) {
	alice := f.ownSubject("alice")
	session := newSession()
	session.Subject = alice
	entries := int64(-1)
	f.beforeStoring(func() { entries = f.h.Redis.ZCard(f.ctx(), f.indexOf(alice)).Val() })
	f.createAs(f.t, session)
	if entries != 1 {
		f.t.Fatalf("%d index entries when the session was stored, want 1", entries)
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
	_, last := f.login(alice, 1)
	if n := f.h.Redis.ZCard(f.ctx(), key).Val(); n != 2 {
		f.t.Fatalf("%d entries after the others' end, want 2", n)
	}
	if ttl := f.h.Redis.PTTL(f.ctx(), key).Val(); ttl <= 0 || ttl > f.h.Grace {
		f.t.Fatalf("the index ends in %v, want %v at most", ttl, f.h.Grace)
	}
	f.wantListed(alice, append(later, last...))
	f.h.Advance(f.h.Grace + 5*time.Millisecond)
	if n := f.h.Redis.Exists(f.ctx(), key).Val(); n != 0 {
		f.t.Fatalf("the index outlives its sessions")
	}
}

// forgedEntries: somebody with the right to write Redis enters other people's
// sessions, and texts that are none.
func forgedEntries(f *fixture) {
	alice, bob := f.ownSubject("alice"), f.ownSubject("bob")
	tokens, sids := f.login(alice, 1)
	_, mine := f.login(bob, 1)
	for _, member := range []string{sids[0], "nonsense", "*", refresh.Family{7}.SID()} {
		if err := f.h.Redis.ZAdd(f.ctx(), f.indexOf(bob), redis.Z{Score: 9e15, Member: member}).Err(); err != nil {
			f.t.Fatalf("forging: %v", err)
		}
	}
	f.wantListed(bob, mine)
	f.login(bob, 1) // a score of nobody's making does not stop a login
	if n, err := f.store.RevokeSubject(f.ctx(), bob); err != nil || n != 2 {
		f.t.Fatalf("revoked %d, %v; want 2", n, err)
	}
	f.mustRefresh(tokens[0])
}
