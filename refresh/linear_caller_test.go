package refresh_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

// caller does one thing after the other.
type caller struct {
	h     *history
	id    int
	rng   *mathrand.Rand
	steps int    // still to be done
	last  uint32 // the generation that it presented last
	calm  bool   // no faults on the way to Redis
}

// expire sets the idle end of a record into the past, as if time had gone by.
var expire = redis.NewScript(`
local stored = redis.call('GET', KEYS[1])
if stored and string.sub(stored, 2, 2) == 'a' then
  redis.call('SET', KEYS[1], string.sub(stored, 1, 30) .. ARGV[1] .. string.sub(stored, 37), 'KEEPTTL')
end
return 'done'`)

// temper is what a history has more of than others.
type temper int

const (
	even      temper = iota
	impatient        // clients present a token again
	unlucky          // Redis fails over
)

// step does one thing at random: mostly what honest clients do.
func (c *caller) step(ctx context.Context) {
	c.arrive(ctx, c.rng.IntN(2))
	session := c.rng.IntN(len(c.h.sessions))
	newest := c.h.newest(session)
	n := c.rng.IntN(100)
	switch other := c.rng.IntN(100); { // see temper
	case c.h.temper == impatient && other < 50:
		n = 51
	case c.h.temper == unlucky && other < 20:
		n = 89
	}
	switch {
	case n < 40:
		c.refresh(ctx, session, newest)
	case n < 52: // with a retry
		c.refresh(ctx, session, max(c.last, 1))
	case n < 60:
		c.refresh(ctx, session, 1+c.rng.Uint32N(newest))
	case n < 63:
		c.foreign(ctx, session, 1+c.rng.Uint32N(newest))
	case n < 68:
		c.inspect(ctx, session, max(1, newest-c.rng.Uint32N(2)))
	case n < 71:
		c.denied(ctx, session)
	case n < 80:
		c.read(ctx, session)
	case n < 90:
		c.failover(ctx, session)
	case n < 92:
		c.revoke(ctx, session)
	case n < 94:
		c.revokeToken(ctx, session, newest)
	case n < 96:
		c.revokeAll(ctx)
	case n < 98:
		c.expire(ctx, session)
	default:
		c.drop(ctx, session)
	}
}

// refresh presents a token, is busy for a while as a signer is, and commits.
func (c *caller) refresh(ctx context.Context, session int, g uint32) {
	token, g := c.h.token(session, g)
	c.last = g
	var admitted int64
	var next string
	w, cause, answered := c.ask(ctx, step{session: session, g: g}, func(ctx context.Context) error {
		store := c.h.store(c.id)
		a, err := store.Check(ctx, token, "login", "")
		if err != nil {
			return err
		}
		admitted = c.h.clock.Add(2)
		for range c.rng.IntN(3) {
			c.h.rig.plain.Ping(ctx)
		}
		var s refresh.Session
		if next, s, err = store.Commit(ctx, a); err != nil {
			return err
		}
		if s.Generation != generationOf(next) || s.SID != c.h.sessions[session].sid || s.Subject != c.h.subject {
			c.h.fail(fmt.Errorf("a token of generation %d was answered for session %+v", generationOf(next), s))
		}
		c.h.learn(session, generationOf(next), next)
		return nil
	})
	switch {
	case !answered:
		if w.attempt != "" || w.ending != 0 { // else nothing was sent that does something
			w.note(lostRefresh, sight{}, w.began, w.ended)
		}
	case cause == "":
		// The commit does not ask for not-befores again.
		w.note(stepAdmit, sight{}, w.began, admitted-1)
		w.note(stepRefresh, sight{generation: generationOf(next)}, admitted, w.ended)
	case cause == refresh.CauseReuse || cause == refresh.CauseRolledBack:
		// Of several who see a reuse at once each says so, whoever revokes first.
		w.note(stepVerdict, sight{cause: cause}, w.began, w.ending-1)
		w.note(stepEnd, sight{}, w.ending, w.ended)
	case cause == refresh.CauseRevoked && w.buries:
		w.note(stepShutOut, sight{}, w.began, w.ended)
		w.note(lostRevoke, sight{}, w.began, w.ended)
	default:
		w.note(stepRefresh, sight{cause: cause}, w.began, w.ended)
	}
}

func (c *caller) foreign(ctx context.Context, session int, g uint32) {
	token, g := c.h.token(session, g)
	w, cause, answered := c.ask(ctx, step{session: session, g: g}, func(ctx context.Context) error {
		_, err := c.h.store(c.id).Check(ctx, token, "other", "")
		return err
	})
	if answered {
		w.note(stepForeign, sight{cause: cause}, w.began, w.ended)
	}
}

func (c *caller) inspect(ctx context.Context, session int, g uint32) {
	token, g := c.h.token(session, g)
	var s refresh.Session
	w, cause, answered := c.ask(ctx, step{session: session, g: g}, func(ctx context.Context) (err error) {
		s, err = c.h.store(c.id).Inspect(ctx, token)
		return err
	})
	if answered {
		w.note(stepInspect, sight{generation: s.Generation, cause: cause}, w.began, w.ended)
	}
}

// denied asks for an access token of the session.
func (c *caller) denied(ctx context.Context, session int) {
	token := refresh.AccessToken{SID: c.h.sessions[session].sid, Subject: c.h.subject, ClientID: "login"}
	var denied bool
	w, _, answered := c.ask(ctx, step{session: session}, func(ctx context.Context) (err error) {
		denied, err = c.h.store(c.id).Denied(ctx, token)
		return err
	})
	switch {
	case !answered:
	case denied:
		w.note(stepDenied, sight{}, w.began, w.ended)
	default: // not-before and record are two looks
		w.note(stepAdmit, sight{}, w.began, w.ended)
		w.note(stepAlive, sight{}, w.began, w.ended)
	}
}

func (c *caller) read(ctx context.Context, session int) {
	var state automaton
	w, _, answered := c.ask(ctx, step{session: session}, func(ctx context.Context) (err error) {
		state, err = c.h.save(ctx, session)
		return err
	})
	if answered {
		w.note(stepRead, sight{record: state}, w.began, w.ended)
	}
}

// failover brings back a record that was read before: a replica that had not
// got the writes since, or, with many of them, a backup.
func (c *caller) failover(ctx context.Context, session int) {
	t := c.h.sessions[session]
	c.h.mu.Lock()
	old := t.saved[c.rng.IntN(len(t.saved))]
	c.h.mu.Unlock()
	c.write(ctx, step{session: session, kind: stepFailover, to: old.state}, func(ctx context.Context) error {
		return c.h.rig.plain.Set(ctx, keyRecord+t.sid, old.text, forever).Err()
	})
}

func (c *caller) expire(ctx context.Context, session int) {
	c.write(ctx, step{session: session, kind: stepExpire}, func(ctx context.Context) error {
		return expire.Run(ctx, c.h.rig.plain, []string{keyRecord + c.h.sessions[session].sid}, longAgo).Err()
	})
}

func (c *caller) drop(ctx context.Context, session int) {
	c.write(ctx, step{session: session, kind: stepDrop}, func(ctx context.Context) error {
		return c.h.rig.plain.Del(ctx, keyRecord+c.h.sessions[session].sid).Err()
	})
}

// write changes a record past the stores.
func (c *caller) write(ctx context.Context, s step, act func(context.Context) error) {
	if w, _, answered := c.ask(ctx, s, act); answered {
		w.note(s.kind, sight{}, w.began, w.ended)
	}
}

func (c *caller) revoke(ctx context.Context, session int) {
	var ended bool
	w, _, answered := c.ask(ctx, step{session: session}, func(ctx context.Context) (err error) {
		ended, err = c.h.store(c.id).Revoke(ctx, c.h.sessions[session].sid, "")
		return err
	})
	if !answered {
		w.note(lostRevoke, sight{}, w.began, w.ended)
		return
	}
	w.note(stepRevoke, sight{ended: ended}, w.began, w.ended)
}

func (c *caller) revokeToken(ctx context.Context, session int, g uint32) {
	token, g := c.h.token(session, g)
	w, _, answered := c.ask(ctx, step{session: session, g: g}, func(ctx context.Context) error {
		_, err := c.h.store(c.id).RevokeToken(ctx, token, "login")
		return err
	})
	if !answered {
		w.note(lostRevoke, sight{}, w.began, w.ended)
		return
	}
	w.note(stepRevokeToken, sight{}, w.began, w.ended)
}

// revokeAll sets a not-before, and then leaves tombstones where the index leads.
func (c *caller) revokeAll(ctx context.Context) {
	var n int
	w, _, answered := c.ask(ctx, step{}, func(ctx context.Context) (err error) {
		n, err = c.h.store(c.id).RevokeAll(ctx, refresh.Owner{Subject: c.h.subject})
		return err
	})
	if n > len(c.h.sessions) || answered && w.shut == 0 {
		c.h.fail(fmt.Errorf("%d of %d sessions were revoked, not-before set: %v", n, len(c.h.sessions), w.shut != 0))
	}
	for w.step.session = range c.h.sessions {
		if w.shut != 0 {
			w.note(stepShut, sight{}, w.began, w.shut-1)
		}
		if n == len(c.h.sessions) && !w.troubled {
			w.note(stepAlive, sight{}, w.shut, w.ended)
			w.note(stepBury, sight{}, w.shut, w.ended)
		} else { // it does not say which ones, and counts by the index where something was lost
			w.note(lostRevoke, sight{}, w.began, w.ended)
		}
	}
}

// ask lets act ask a store, and says what came of it: a cause, nothing, or no
// answer. What the network has swallowed is noted.
func (c *caller) ask(ctx context.Context, s step, act func(context.Context) error) (w *way, cause refresh.Cause, answered bool) {
	w = &way{caller: c, step: s, began: c.h.clock.Add(1)}
	err := act(context.WithValue(ctx, wayKey{}, w))
	w.ended = c.h.clock.Add(1)
	w.step.grace, w.step.attempt = c.h.grace, w.attempt
	w.haunt()
	if reason, ok := errors.AsType[*refresh.Reason](err); ok {
		return w, reason.Cause, true
	}
	if err != nil && !errors.Is(err, refresh.ErrUnavailable) {
		c.h.fail(err)
	}
	return w, "", err == nil
}

// generationOf reads the generation that a token names.
func generationOf(token string) uint32 {
	raw, err := base64.RawURLEncoding.DecodeString(token[len("sgr_"):])
	if err != nil || len(raw) < 23 {
		return 0
	}
	return binary.BigEndian.Uint32(raw[19:23])
}
