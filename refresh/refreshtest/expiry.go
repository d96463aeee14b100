package refreshtest

import (
	"time"

	"signet/refresh"
)

var expiryTests = map[string]func(*fixture){
	"EndsWhenIdle":                 endsWhenIdle,
	"UseKeepsItAlive":              useKeepsItAlive,
	"EndsAbsolutely":               endsAbsolutely,
	"EndIsInTheScriptNotTheKey":    endWithoutTTL,
	"CallerBringsTheEndNearer":     nearerEnd,
	"TombstoneOutlivesAndEnds":     tombstoneEnds,
	"GraceGoesNotPastTheIdleEnd":   graceWithinIdle,
	"EndAtTheCommitIsEndOfSession": endBeforeCommit,
}

// short makes sessions idle after two graces and over after five.
func short(f *fixture) {
	f.configure(func(c *refresh.Config) {
		c.Grace, c.Idle, c.Absolute, c.TombstoneTTL = f.h.Grace, 2*f.h.Grace, 5*f.h.Grace, f.h.Grace
	})
}

// over accepts that Redis may have dropped the key already.
func over(f *fixture, token string) {
	f.t.Helper()
	_, _, err := f.refresh(token)
	if err == nil {
		f.t.Fatalf("a session went on past its end")
	}
	if cause := causeOf(err); cause != refresh.CauseExpired && cause != refresh.CauseAbsent {
		f.t.Fatalf("error %v, want expired or absent", err)
	}
	f.wantEvents()
}

func endsWhenIdle(f *fixture) {
	short(f)
	token, session := f.create()
	f.h.Advance(2 * f.h.Grace) // at the very end it is over
	over(f, token)
	f.wantActive(session.SID, false)
}

func useKeepsItAlive(f *fixture) {
	short(f)
	token, session := f.create()
	for range 3 {
		f.h.Advance(f.h.Grace + f.h.Grace/4)
		token, _ = f.mustRefresh(token)
	}
	f.wantActive(session.SID, true)
}

func endsAbsolutely(f *fixture) {
	short(f)
	token, session := f.create()
	for range 4 {
		f.h.Advance(f.h.Grace)
		token, session = f.mustRefresh(token)
		if session.IdleExpiresAt.After(session.ExpiresAt) {
			f.t.Fatalf("idle end %v past the absolute end %v", session.IdleExpiresAt, session.ExpiresAt)
		}
	}
	f.h.Advance(f.h.Grace)
	over(f, token)
	f.wantActive(session.SID, false)
}

// endWithoutTTL: PERSIST by somebody with the right to write Redis.
func endWithoutTTL(f *fixture) {
	short(f)
	token, session := f.create()
	if err := f.h.Redis.Persist(f.ctx(), recordKey(session.SID)).Err(); err != nil {
		f.t.Fatalf("persisting: %v", err)
	}
	f.h.Advance(2 * f.h.Grace)
	f.refused(token, refresh.CauseExpired)
	f.wantActive(session.SID, false)
	_, err := f.store.Inspect(f.ctx(), token)
	f.wantCause(err, refresh.CauseExpired)
}

func nearerEnd(f *fixture) {
	now, err := f.h.Redis.Time(f.ctx()).Result()
	if err != nil {
		f.t.Fatalf("asking the time: %v", err)
	}
	session := newSession()
	session.ExpiresAt = now.Add(time.Hour).Truncate(time.Millisecond)
	_, stored := f.createAs(f.t, session)
	if !stored.ExpiresAt.Equal(session.ExpiresAt) || !stored.IdleExpiresAt.Equal(session.ExpiresAt) {
		f.t.Fatalf("ends %v, idle %v, want %v", stored.ExpiresAt, stored.IdleExpiresAt, session.ExpiresAt)
	}
	session.ExpiresAt = now.Add(1000 * time.Hour)
	if _, stored = f.createAs(f.t, session); stored.ExpiresAt.Sub(stored.CreatedAt) != 72*time.Hour {
		f.t.Fatalf("lives %v, want the configured 72h", stored.ExpiresAt.Sub(stored.CreatedAt))
	}
	session.ExpiresAt = now.Add(-time.Second)
	if _, _, err := f.store.Create(f.ctx(), refresh.Family{1}, session); err == nil {
		f.t.Fatalf("a session was stored that ended before it began")
	}
}

func tombstoneEnds(f *fixture) {
	short(f)
	token, session := f.create()
	if _, err := f.store.Revoke(f.ctx(), session.SID, ""); err != nil {
		f.t.Fatalf("revoking: %v", err)
	}
	f.refused(token, refresh.CauseRevoked)
	f.h.Advance(f.h.Grace + time.Millisecond) // Redis keeps a key through the millisecond of its end
	f.refused(token, refresh.CauseAbsent)
}

func graceWithinIdle(f *fixture) {
	f.configure(func(c *refresh.Config) { c.Grace, c.Idle, c.Absolute = 10*f.h.Grace, f.h.Grace, 5*f.h.Grace })
	token, _ := f.create()
	f.mustRefresh(token)
	f.h.Advance(f.h.Grace)
	over(f, token)
}

func endBeforeCommit(f *fixture) {
	short(f)
	token, _ := f.create()
	a, err := f.store.Check(f.ctx(), token, client, "")
	if err != nil {
		f.t.Fatalf("checking: %v", err)
	}
	f.h.Advance(2 * f.h.Grace)
	_, _, err = f.store.Commit(f.ctx(), a)
	if cause := causeOf(err); cause != refresh.CauseExpired && cause != refresh.CauseAbsent {
		f.t.Fatalf("error %v, want expired or absent", err)
	}
}
