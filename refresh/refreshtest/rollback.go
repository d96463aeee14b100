package refreshtest

import (
	"time"

	"signet/refresh"
)

var rollbackTests = map[string]func(*fixture){
	"RollsForwardOverAFailover":   rollsForward,
	"RefusesRestoredRedis":        refusesRestored,
	"AcceptRollbackUntil":         acceptRollbackUntil,
	"RetryAfterALostWriteIsPlain": retryAfterLostWrite,
}

// behind gives a session whose record is n generations older than the newest
// token.
func behind(f *fixture, n int) (newest string, sid string) {
	f.t.Helper()
	token, session := f.create()
	old := f.save(f.t, session.SID)
	for range n {
		token, _ = f.mustRefresh(token)
	}
	f.load(f.t, session.SID, old)
	f.kinds()
	return token, session.SID
}

func rollsForward(f *fixture) {
	for n := range 3 {
		token, sid := behind(f, n)
		next, session := f.mustRefresh(token)
		if session.Generation != uint32(n+2) {
			f.t.Fatalf("generation %d after losing %d", session.Generation, n)
		}
		if n == 0 {
			f.wantEvents()
		} else {
			f.wantEvents(refresh.EventRollForward)
		}
		f.wantActive(sid, true)
		if again, _ := f.mustRefresh(token); again != next {
			f.t.Fatalf("a retry after rolling forward got another token")
		}
		f.mustRefresh(next)
		f.kinds()
	}
}

func refusesRestored(f *fixture) {
	for _, n := range []int{3, 7} {
		token, sid := behind(f, n)
		f.refused(token, refresh.CauseRolledBack)
		f.wantEvents(refresh.EventRolledBack)
		f.wantActive(sid, false)
		f.refused(token, refresh.CauseRevoked)
	}
}

func acceptRollbackUntil(f *fixture) {
	now, err := f.h.Redis.Time(f.ctx()).Result()
	if err != nil {
		f.t.Fatalf("asking the time: %v", err)
	}
	f.configure(func(c *refresh.Config) { c.AcceptRollbackUntil = now.Add(time.Hour) })
	token, _ := behind(f, 9)
	f.mustRefresh(token)
	f.wantEvents(refresh.EventRollForward)

	f.configure(func(c *refresh.Config) { c.AcceptRollbackUntil = now.Add(-time.Second) })
	token, _ = behind(f, 9)
	f.refused(token, refresh.CauseRolledBack)
}

// retryAfterLostWrite: the client never heard of the rotation that Redis lost.
func retryAfterLostWrite(f *fixture) {
	token, session := f.create()
	old := f.save(f.t, session.SID)
	next, _ := f.mustRefresh(token)
	f.load(f.t, session.SID, old)
	if again, _ := f.mustRefresh(token); again != next {
		f.t.Fatalf("the same generation got another token")
	}
	f.wantEvents()
}
