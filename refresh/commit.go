package refresh

import (
	"context"
	"errors"
	"time"
)

var errLate = errors.New("the commit arrived too late to count")

// Commit rotates: the token checked is used, and the answer carries its
// successor. It repeats every check, for the world may have moved on while the
// caller signed. If it fails with ErrUnavailable, the token presented can be
// presented again.
//
// A caller who is gone before it begins changes nothing; once begun it runs to
// its own deadline.
func (s *Store) Commit(ctx context.Context, a *Attempt) (token string, session Session, err error) {
	defer func(began time.Time) { s.metrics.done(opCommit, s.now().Sub(began), err) }(s.now())
	if err := ctx.Err(); err != nil {
		return "", Session{}, unavailable("committing a refresh", err)
	}
	keys, err := s.currentKeys()
	if err != nil {
		return "", Session{}, err
	}
	ctx = context.WithoutCancel(ctx)
	v, err := s.resend(ctx, func(ctx context.Context) (verdict, error) { return s.commit(ctx, a, keys) })
	if err != nil {
		return "", Session{}, unavailable("committing a refresh", err)
	}
	switch v.outcome { //nolint:exhaustive // the rest is one case
	case outcomeLate:
		return "", Session{}, unavailable("committing a refresh", errLate)
	case outcomeReuse, outcomeRolledBack:
		return "", Session{}, s.end(ctx, a, v)
	case outcomeCurrent:
	case outcomeAgain: // the answer to the first sending was lost, and with it perhaps this
		if a.found == outcomeForward {
			s.report(ctx, a.event(EventRollForward, v))
		}
	case outcomeGrace:
		s.report(ctx, a.event(EventGrace, v))
	case outcomeForward:
		s.report(ctx, a.event(EventRollForward, v))
	default:
		_, err := s.verified(ctx, a.token, v, a.Session.ClientID)
		if err == nil {
			err = unavailable("committing a refresh", errMalformedAnswer)
		}
		return "", Session{}, err
	}
	return s.answer(ctx, a, v)
}

// commit sends the rotation. Redis is to ignore it once we have given up
// waiting: the check told Redis's time, our own clock says how long ago.
func (s *Store) commit(ctx context.Context, a *Attempt, keys keyPair) (verdict, error) {
	const slack = 10 * time.Millisecond
	notAfter := a.seen + (s.now().Sub(a.askedAt) + s.timeout + slack).Milliseconds()
	sealVersion, seal := a.record.sealVersion, a.record.seal
	if keys.version > sealVersion {
		// Sealed anew: raising the key's minimum after a rotation then ends only
		// the sessions that were idle since.
		sealVersion, seal = keys.version, sealOf(keys.seal, a.Session.SID, a.record.absoluteEnd, a.record.body)
	}
	return s.judge(ctx, a.Session.SID, "commit", a.token.generation,
		a.record.absoluteEnd, a.record.body, a.id[:], a.seen, notAfter, keys.version,
		s.idle.Milliseconds(), sealVersion, seal)
}

// answer computes the successor from the record as it now is: in the grace it
// is the very token that was answered before, under the key version of then.
func (s *Store) answer(ctx context.Context, a *Attempt, v verdict) (string, Session, error) {
	keys, err := s.keysOf(ctx, v.record.macVersion)
	if err != nil {
		return "", Session{}, err
	}
	session := a.Session
	session.Generation = v.record.generation
	session.LastUsedAt = time.UnixMilli(v.record.rotatedAt).UTC()
	session.IdleExpiresAt = time.UnixMilli(v.record.idleEnd).UTC()
	return mint(keys.token, keys.version, a.token.family, v.record.generation), session, nil
}

func (a *Attempt) event(kind EventKind, v verdict) Event {
	return Event{
		Kind: kind, SID: a.Session.SID, ClientID: a.Session.ClientID,
		Generation: a.record.generation, Presented: a.token.generation, At: at(v),
	}
}
