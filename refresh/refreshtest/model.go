package refreshtest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"pgregory.net/rapid"

	"signet/refresh"
)

// modelTests run random histories beside an automaton that is small enough to
// be checked by eye.
var modelTests = map[string]func(*fixture){
	"ModelWithGrace": func(f *fixture) { modelCheck(f, 30*time.Second) },
	"ModelStrict":    func(f *fixture) { modelCheck(f, 0) },
	"ModelLongGrace": func(f *fixture) { modelCheck(f, forever) },
}

const (
	modelIdle     = 3 * time.Minute
	modelAbsolute = 10 * time.Minute
)

// automaton is a session as the protocol has it.
type automaton struct {
	revoked             bool
	n                   uint32
	rotated, idle, ends int64
	graced              bool
	graces              int
	grace, idleFor      int64
}

// present says what is to come of generation g, and moves on.
func (a *automaton) present(g uint32, foreign bool, now int64) (next uint32, cause refresh.Cause) {
	switch {
	case a.revoked:
		return 0, refresh.CauseRevoked
	case now >= a.idle || now >= a.ends:
		return 0, refresh.CauseExpired
	case foreign:
		return 0, refresh.CauseClient
	case g == a.n:
		if !a.graced {
			a.graces = 0
		}
		return a.rotate(g, now), ""
	case g == a.n-1 && now-a.rotated < a.grace && (a.graced || a.graces < 2):
		if !a.graced {
			a.graced, a.graces = true, a.graces+1
		}
		return a.n, ""
	case g < a.n:
		a.revoked = true
		return 0, refresh.CauseReuse
	case g <= a.n+2:
		a.graces = 0
		return a.rotate(g, now), ""
	default:
		a.revoked = true
		return 0, refresh.CauseRolledBack
	}
}

func (a *automaton) rotate(g uint32, now int64) uint32 {
	a.n, a.rotated, a.graced = g+1, now, false
	a.idle = min(now+a.idleFor, a.ends)
	return a.n
}

type history struct {
	f      *fixture
	t      *rapid.T
	sid    string
	model  automaton
	tokens map[uint32]string
	newest uint32
	saved  []savedState
}

type savedState struct {
	record string
	model  automaton
}

func modelCheck(f *fixture, grace time.Duration) {
	f.configure(func(c *refresh.Config) {
		c.Grace, c.Idle, c.Absolute, c.TombstoneTTL = grace, modelIdle, modelAbsolute, 24*time.Hour
	})
	// 100 histories each time, of some 30 steps.
	for range 2 {
		rapid.Check(f.t, func(t *rapid.T) {
			h := begin(f, t, grace)
			steps := map[string]func(*rapid.T){
				"refresh": h.refresh, "refresh again": h.refresh, "old": h.old, "any": h.any, "foreign": h.foreign,
				"save": h.save, "restore": h.restore, "revoke": h.revoke,
			}
			if f.h.Instant {
				steps["wait"] = h.wait
			}
			t.Repeat(steps)
		})
	}
}

func begin(f *fixture, t *rapid.T, grace time.Duration) *history {
	token, s := f.createAs(t, newSession())
	return &history{
		f: f, t: t, sid: s.SID, tokens: map[uint32]string{1: token}, newest: 1,
		model: automaton{
			n: 1, rotated: s.CreatedAt.UnixMilli(), idle: s.IdleExpiresAt.UnixMilli(), ends: s.ExpiresAt.UnixMilli(),
			grace: grace.Milliseconds(), idleFor: modelIdle.Milliseconds(),
		},
	}
}

func (h *history) now(t *rapid.T) int64 {
	now, err := h.f.h.Redis.Time(t.Context()).Result()
	if err != nil {
		t.Fatalf("asking the time: %v", err)
	}
	return now.UnixMilli()
}

func (h *history) present(t *rapid.T, g uint32, clientID string) {
	now := h.now(t)
	want, cause := h.model.present(g, clientID != client, now)
	token, session, err := h.f.refreshAs(t.Context(), h.tokens[g], clientID)
	got := causeOf(err)
	if got == refresh.CauseAbsent { // Redis may drop what is over
		got = refresh.CauseExpired
	}
	if got != cause || err != nil && !errors.Is(err, refresh.ErrInvalid) {
		t.Fatalf("presenting %d: %v, want %q; model %+v", g, err, cause, h.model)
	}
	if err != nil {
		return
	}
	if session.Generation != want || session.SID != h.sid || session.Subject != subject {
		t.Fatalf("presenting %d: generation %d, want %d", g, session.Generation, want)
	}
	if known, ok := h.tokens[want]; ok && known != token {
		t.Fatalf("generation %d has two tokens", want)
	}
	h.tokens[want] = token
	h.newest = max(h.newest, want)
	if h.f.h.Instant && session.IdleExpiresAt.UnixMilli() != h.model.idle {
		t.Fatalf("idle end %d, want %d", session.IdleExpiresAt.UnixMilli(), h.model.idle)
	}
	// The real clock goes on between our look at it and the script's.
	h.model.rotated, h.model.idle = session.LastUsedAt.UnixMilli(), session.IdleExpiresAt.UnixMilli()
}

func (h *history) refresh(t *rapid.T) { h.present(t, h.newest, client) }

func (h *history) old(t *rapid.T) { h.present(t, max(h.newest, 2)-1, client) }

func (h *history) any(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
		t.Skip("a reuse ends the history")
	}
	h.present(t, rapid.Uint32Range(1, h.newest).Draw(t, "generation"), client)
}

func (h *history) foreign(t *rapid.T) {
	h.present(t, rapid.Uint32Range(1, h.newest).Draw(t, "generation"), "other")
}

func (h *history) wait(t *rapid.T) {
	h.f.h.Advance(rapid.SampledFrom([]time.Duration{
		time.Millisecond, time.Second, 29999 * time.Millisecond, 30 * time.Second, time.Minute, modelIdle - time.Millisecond, modelIdle,
	}).Draw(t, "for"))
}

func (h *history) save(t *rapid.T) {
	if h.now(t) >= h.model.idle && !h.model.revoked {
		t.Skip("it is over")
	}
	h.saved = append(h.saved, savedState{h.f.save(t, h.sid), h.model})
}

// restore is a failover that loses writes, or a backup.
func (h *history) restore(t *rapid.T) {
	if len(h.saved) == 0 {
		t.Skip("nothing is saved")
	}
	s := h.saved[rapid.IntRange(0, len(h.saved)-1).Draw(t, "saved")]
	h.f.load(t, h.sid, s.record)
	h.model = s.model
}

func (h *history) revoke(t *rapid.T) {
	if rapid.IntRange(0, 9).Draw(t, "seldom") > 0 {
		t.Skip("a revocation ends the history")
	}
	if _, err := h.f.store.Revoke(t.Context(), h.sid, ""); err != nil {
		t.Fatalf("revoking: %v", err)
	}
	// Of a session that was over there may be nothing left to revoke.
	h.model.revoked = h.f.h.Redis.Exists(t.Context(), recordKey(h.sid)).Val() == 1
}

func (a automaton) String() string {
	return fmt.Sprintf("n=%d revoked=%v rotated=%d idle=%d", a.n, a.revoked, a.rotated, min(a.idle, math.MaxInt64))
}
