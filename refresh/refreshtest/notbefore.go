package refreshtest

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

var notBeforeTests = map[string]func(*fixture){
	"NotBeforeEndsWhatTheIndexForgot":   endsWhatTheIndexForgot,
	"NotBeforeOutlivesARollback":        outlivesARollback,
	"NotBeforeDeniesAccessTokens":       deniesAccessTokens,
	"NotBeforeLeavesOthersAlone":        leavesOthersAlone,
	"NotBeforeLastsAsLongAsItsSessions": lastsAsLong,
	"NotBeforeOfNobodysMaking":          notBeforeOfNobody,
	"RevokeAllWithinADeadline":          revokeAllWithinADeadline,
	"RevokeAllThoughTidyingFails":       revokeAllThoughTidyingFails,
	"RevokeOnlyTheClientsOwn":           revokeOnlyOwn,
	"RevokeAllEndsWhatBeganAhead":       endsWhatBeganAhead,
	"RevokeAllAgainAndAgain":            revokeAllAgain,
}

// login2 is a login of a subject at a client.
func (f *fixture) login2(subject, clientID string) (token string, stored refresh.Session) {
	f.t.Helper()
	session := newSession()
	session.Subject, session.ClientID = subject, clientID
	return f.createAs(f.t, session)
}

func accessToken(s refresh.Session) refresh.AccessToken {
	return refresh.AccessToken{SID: s.SID, Subject: s.Subject, ClientID: s.ClientID}
}

// lockOf is the key of an owner's not-before.
func (f *fixture) lockOf(o refresh.Owner) string {
	switch {
	case o.Subject == "":
		return "signet:nc:" + f.indexOf(o.ClientID)[9:]
	case o.ClientID == "":
		return "signet:nu:" + f.indexOf(o.Subject)[9:]
	default:
		return "signet:np:" + f.indexOf(o.Subject)[9:] + strings.Trim(f.indexOf(o.ClientID)[9:], "{}")
	}
}

// owners are the three ways to mean one session.
func owners(s refresh.Session) []refresh.Owner {
	return []refresh.Owner{{Subject: s.Subject}, {ClientID: s.ClientID}, {Subject: s.Subject, ClientID: s.ClientID}}
}

func (f *fixture) revokeAll(o refresh.Owner, want int) {
	f.t.Helper()
	if n, err := f.store.RevokeAll(f.ctx(), o); err != nil || n != want {
		f.t.Fatalf("revoked %d, %v; want %d", n, err, want)
	}
}

// endsWhatTheIndexForgot: in a cluster the index is on another node than the
// sessions, and may lose what they keep.
func endsWhatTheIndexForgot(f *fixture) {
	for i := range 3 {
		token, session := f.login2(f.ownSubject("alice"), f.ownSubject("web"))
		f.h.Redis.Del(f.ctx(), f.indexOf(session.Subject), f.indexOfClient(session.ClientID))
		f.revokeAll(owners(session)[i], 0)
		f.wantDenied(accessToken(session), true)
		_, err := f.store.Inspect(f.ctx(), token)
		f.wantCause(err, refresh.CauseRevoked)
		_, _, err = f.refreshAs(f.ctx(), token, session.ClientID)
		f.wantCause(err, refresh.CauseRevoked)
		// Found out once, it is written down.
		if f.save(f.t, session.SID)[:2] != "1r" {
			f.t.Fatalf("the record goes on")
		}
	}
}

// outlivesARollback: a failover takes the records back to before the revocation.
func outlivesARollback(f *fixture) {
	for i := range 3 {
		token, session := f.login2(f.ownSubject("alice"), f.ownSubject("web"))
		before := f.save(f.t, session.SID)
		f.revokeAll(owners(session)[i], 1)
		f.load(f.t, session.SID, before)
		_, _, err := f.refreshAs(f.ctx(), token, session.ClientID)
		f.wantCause(err, refresh.CauseRevoked)
		f.load(f.t, session.SID, before)
		f.wantDenied(accessToken(session), true)
		if listed := sids(f.pages(refresh.Owner{Subject: session.Subject}, 0)); len(listed) != 0 {
			f.t.Fatalf("listed %v", listed)
		}
		// Logging in again at once works, and its tokens do.
		again, fresh := f.login2(session.Subject, session.ClientID)
		f.wantDenied(accessToken(fresh), false)
		if _, _, err := f.refreshAs(f.ctx(), again, session.ClientID); err != nil {
			f.t.Fatalf("refreshing: %v", err)
		}
	}
}

func (f *fixture) serverNow() time.Time {
	f.t.Helper()
	now, err := f.h.Redis.Time(f.ctx()).Result()
	if err != nil {
		f.t.Fatalf("asking the time: %v", err)
	}
	return now
}

// deniesAccessTokens: those without a session go by their iat.
func deniesAccessTokens(f *fixture) {
	const skew = 5 * time.Second
	f.configure(func(c *refresh.Config) { c.ClockSkew = skew })
	for i := range 3 {
		subject, clientID := f.ownSubject("alice"), f.ownSubject("web")
		at := func(iat time.Time) refresh.AccessToken {
			return refresh.AccessToken{Subject: subject, ClientID: clientID, IssuedAt: iat.Truncate(time.Second)}
		}
		now := f.serverNow()
		f.wantDenied(at(now), false)
		f.revokeAll(owners(refresh.Session{Subject: subject, ClientID: clientID})[i], 0)
		f.wantDenied(at(now.Add(-time.Hour)), true)
		f.wantDenied(at(now), true)
		f.wantDenied(at(now.Add(skew)), true)              // issued before, by a clock that is ahead
		f.wantDenied(at(f.serverNow().Add(2*skew)), false) // issued since
	}
}

func leavesOthersAlone(f *fixture) {
	alice, bob, web, app := f.ownSubject("alice"), f.ownSubject("bob"), f.ownSubject("web"), f.ownSubject("app")
	mine, aliceAtWeb := f.login2(alice, web)
	_, aliceAtApp := f.login2(alice, app)
	_, bobAtWeb := f.login2(bob, web)
	f.revokeAll(refresh.Owner{Subject: alice, ClientID: web}, 1)
	f.wantDenied(accessToken(aliceAtWeb), true)
	f.wantDenied(accessToken(aliceAtApp), false)
	f.wantDenied(accessToken(bobAtWeb), false)
	_, _, err := f.refreshAs(f.ctx(), mine, web)
	f.wantCause(err, refresh.CauseRevoked)
	f.revokeAll(refresh.Owner{ClientID: web}, 1)
	f.wantDenied(accessToken(bobAtWeb), true)
	f.wantDenied(accessToken(aliceAtApp), false)
	f.revokeAll(refresh.Owner{Subject: alice}, 1)
	f.wantDenied(accessToken(aliceAtApp), true)
	if _, err := f.store.RevokeAll(f.ctx(), refresh.Owner{}); err == nil {
		f.t.Fatalf("everybody was logged out")
	}
}

// lastsAsLong: sessions may live longer than the configuration of today has it.
func lastsAsLong(f *fixture) {
	session := newSession()
	session.Subject = f.ownSubject("alice")
	_, long := f.createAs(f.t, session)
	f.configure(func(c *refresh.Config) { c.Absolute, c.Idle = time.Hour, time.Hour })
	f.revokeAll(refresh.Owner{Subject: session.Subject}, 1)
	left := f.h.Redis.PTTL(f.ctx(), f.lockOf(refresh.Owner{Subject: session.Subject})).Val()
	if ends := f.serverNow().Add(left); ends.Before(long.ExpiresAt) || ends.After(long.ExpiresAt.Add(time.Minute)) {
		f.t.Fatalf("the not-before ends at %v, its session at %v", ends, long.ExpiresAt)
	}
}

// notBeforeOfNobody: somebody with the right to write Redis plants what is none.
// Nothing passes, and revoking again mends it.
func notBeforeOfNobody(f *fixture) {
	for name, put := range map[string]func(key string) error{
		"nan":        func(key string) error { return f.h.Redis.Set(f.ctx(), key, "nan", 0).Err() },
		"hex":        func(key string) error { return f.h.Redis.Set(f.ctx(), key, "0x10", 0).Err() },
		"negative":   func(key string) error { return f.h.Redis.Set(f.ctx(), key, "-5", 0).Err() },
		"a word":     func(key string) error { return f.h.Redis.Set(f.ctx(), key, "x", 0).Err() },
		"the future": func(key string) error { return f.h.Redis.Set(f.ctx(), key, "9999999999999", 0).Err() },
		"a hash":     func(key string) error { return f.h.Redis.HSet(f.ctx(), key, "a", "b").Err() },
	} {
		for i := range 3 {
			token, session := f.login2(f.ownSubject("alice"), f.ownSubject("web"))
			o := owners(session)[i]
			if err := put(f.lockOf(o)); err != nil {
				f.t.Fatalf("planting: %v", err)
			}
			if _, _, err := f.refreshAs(f.ctx(), token, session.ClientID); err == nil {
				f.t.Fatalf("%s: refreshed", name)
			}
			if denied, err := f.store.Denied(f.ctx(), accessToken(session)); err == nil && !denied {
				f.t.Fatalf("%s: not denied", name)
			}
			_, _, err := f.store.Create(f.ctx(), refresh.Family{4}, session)
			f.wantUnavailable(err)
			if _, err := f.store.RevokeAll(f.ctx(), o); err != nil {
				f.t.Fatalf("%s: revoking: %v", name, err)
			}
			again, _ := f.login2(session.Subject, session.ClientID)
			if _, _, err := f.refreshAs(f.ctx(), again, session.ClientID); err != nil {
				f.t.Fatalf("%s: refreshing: %v", name, err)
			}
		}
	}
}

// revokeAllWithinADeadline: the not-before counts, the tidying may stop.
func revokeAllWithinADeadline(f *fixture) {
	alice := f.ownSubject("alice")
	tokens, _ := f.login(alice, 3)
	f.configure(func(c *refresh.Config) { c.Timeout = time.Minute })
	ctx, cancel := context.WithTimeout(f.ctx(), time.Minute)
	defer cancel()
	if n, err := f.store.RevokeAll(ctx, refresh.Owner{Subject: alice}); err != nil || n != 3 {
		f.t.Fatalf("revoked %d, %v; want 3", n, err)
	}
	for _, token := range tokens {
		f.refused(token, refresh.CauseRevoked)
	}
}

// revokeAllThoughTidyingFails: once the not-before is there the sessions are
// over, and the caller is told so, whatever becomes of their records.
func revokeAllThoughTidyingFails(f *fixture) {
	alice := f.ownSubject("alice")
	tokens, sids := f.login(alice, 3)
	f.hooks.failPipelines(func(cmd redis.Cmder) bool { return cmd.Name() == "evalsha" })
	if n, err := f.store.RevokeAll(f.ctx(), refresh.Owner{Subject: alice}); err != nil || n != 3 {
		f.t.Fatalf("revoked %d, %v; want 3", n, err)
	}
	f.hooks.failPipelines(nil)
	for i, token := range tokens {
		if f.save(f.t, sids[i])[:2] != "1a" {
			f.t.Fatalf("the record of %s was ended, so nothing failed", sids[i])
		}
		f.refused(token, refresh.CauseRevoked)
	}
	f.revokeAll(refresh.Owner{Subject: alice}, 0)
}

func revokeOnlyOwn(f *fixture) {
	token, session := f.login2(f.ownSubject("alice"), f.ownSubject("web"))
	for _, want := range []struct {
		clientID string
		ended    bool
	}{{"somebody", false}, {session.ClientID, true}, {session.ClientID, false}} {
		if ended, err := f.store.Revoke(f.ctx(), session.SID, want.clientID); err != nil || ended != want.ended {
			f.t.Fatalf("by %s: ended %v, %v; want %v", want.clientID, ended, err, want.ended)
		}
	}
	_, _, err := f.refreshAs(f.ctx(), token, session.ClientID)
	f.wantCause(err, refresh.CauseRevoked)
}

// endsWhatBeganAhead: a session begins by the clock of one node, and the
// not-before is set by that of another, or by one that was set back since.
func endsWhatBeganAhead(f *fixture) {
	for i := range 6 {
		alice, web := f.ownSubject("alice"), f.ownSubject("web")
		other := refresh.Owner{Subject: alice}
		if i%2 == 1 {
			other = refresh.Owner{ClientID: web}
		}
		ahead := strconv.FormatInt(f.serverNow().Add(time.Minute).UnixMilli(), 10)
		if err := f.h.Redis.Set(f.ctx(), f.lockOf(other), ahead, time.Hour).Err(); err != nil {
			f.t.Fatalf("planting: %v", err)
		}
		token, session := f.login2(alice, web)
		if err := f.h.Redis.Del(f.ctx(), f.lockOf(other)).Err(); err != nil {
			f.t.Fatalf("taking it back: %v", err)
		}
		// Its record is not touched: the not-before alone is to end it.
		f.hooks.failPipelines(func(cmd redis.Cmder) bool { return cmd.Name() == "evalsha" })
		counted := 1
		if i/2 == 2 { // the index would count the subject's sessions at other clients too
			counted = 0
		}
		f.revokeAll(owners(session)[i/2], counted)
		f.hooks.failPipelines(nil)
		f.wantDenied(accessToken(session), true)
		_, _, err := f.refreshAs(f.ctx(), token, web)
		f.wantCause(err, refresh.CauseRevoked)
	}
}

// revokeAllAgain, faster than the clock ticks.
func revokeAllAgain(f *fixture) {
	o := refresh.Owner{Subject: f.ownSubject("alice")}
	for range 20 {
		token, _ := f.login2(o.Subject, "web")
		if _, err := f.store.RevokeAll(f.ctx(), o); err != nil {
			f.t.Fatalf("revoking: %v", err)
		}
		_, _, err := f.refreshAs(f.ctx(), token, "web")
		f.wantCause(err, refresh.CauseRevoked)
	}
}
