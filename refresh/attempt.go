package refresh

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Attempt is a refresh between its check and its commit.
type Attempt struct {
	// Session as it was checked; Generation is the newest token's.
	Session Session

	token   presented
	id      [attemptLen]byte
	record  *record
	found   outcome
	seen    int64     // Redis TIME of the check
	askedAt time.Time // our own, just before it
}

// Presented is the generation of the token that came.
func (a *Attempt) Presented() uint32 { return a.token.generation }

// Check judges a token for a client, and for the sender's key if the session
// is bound to one. Nothing is written, except that a reuse revokes at once.
// Then the caller signs, and then it commits: an outage of the signer burns no
// token.
func (s *Store) Check(ctx context.Context, token, clientID, sender string) (a *Attempt, err error) {
	defer func(began time.Time) { s.metrics.done(opCheck, s.now().Sub(began), err) }(s.now())
	p, err := s.authenticate(ctx, token)
	if err != nil {
		return nil, err
	}
	id, err := s.newAttempt()
	if err != nil {
		return nil, err
	}
	a = &Attempt{token: p, id: id, askedAt: s.now()}
	v, err := s.look(ctx, p)
	if err != nil {
		return nil, err
	}
	a.seen, a.record, a.found = v.now, v.record, v.outcome
	if a.Session, err = s.admit(ctx, p, v, clientID, sender); err != nil {
		return nil, err
	}
	switch v.outcome { //nolint:exhaustive // admit has refused all others
	case outcomeCurrent, outcomeGrace, outcomeForward:
		if err := s.refuseAndBury(ctx, a); err != nil {
			return nil, err
		}
		return a, nil
	case outcomeReuse, outcomeRolledBack:
		return nil, s.end(ctx, a, v)
	default:
		return nil, unavailable("checking a refresh token", errMalformedAnswer)
	}
}

// refuseAndBury refuses a session that a not-before ended although its record goes on.
// The commit need not ask again: a not-before that comes later ends the token
// that it answers.
func (s *Store) refuseAndBury(ctx context.Context, a *Attempt) error {
	err := s.refuseEnded(ctx, &a.Session)
	if errors.Is(err, ErrInvalid) {
		if _, err := s.bury(ctx, a.Session.SID); err != nil { // it is over all the same
			s.log.DebugContext(ctx, "ending a session that a not-before ended", "error", err)
		}
	}
	return err
}

func (s *Store) look(ctx context.Context, p presented) (verdict, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	v, err := s.judge(ctx, p.family.SID(), "check", p.generation)
	if err != nil {
		return v, unavailable("checking a refresh token", err)
	}
	return v, nil
}

// admit comes before all else that is judged: no session, or not this caller's.
func (s *Store) admit(ctx context.Context, p presented, v verdict, clientID, sender string) (Session, error) {
	session, err := s.verified(ctx, p, v, clientID)
	if err != nil {
		return Session{}, err
	}
	if session.ClientID != clientID {
		return Session{}, s.foreignClient(ctx, session, p, v, clientID)
	}
	if session.Sender != "" && session.Sender != sender {
		return Session{}, invalid(CauseSender)
	}
	return session, nil
}

// foreignClient reports that a client presents another's token, and refuses it.
func (s *Store) foreignClient(ctx context.Context, session Session, p presented, v verdict, clientID string) error {
	s.report(ctx, Event{
		Kind: EventForeignClient, SID: session.SID, ClientID: clientID,
		Generation: session.Generation, Presented: p.generation, At: at(v),
	})
	return invalid(CauseClient)
}

// verified reads the session of a verdict, if there is one and it is whole.
func (s *Store) verified(ctx context.Context, p presented, v verdict, clientID string) (Session, error) {
	session, err := s.open(ctx, p.family.SID(), v)
	var reason *Reason
	if errors.As(err, &reason) && reason.Cause == CauseTampered {
		s.report(ctx, Event{Kind: EventTampered, SID: p.family.SID(), ClientID: clientID, Presented: p.generation, At: at(v)})
	}
	return session, err
}

func (s *Store) open(ctx context.Context, sid string, v verdict) (Session, error) {
	if cause, over := overBecause(v.outcome); over {
		return Session{}, invalid(cause)
	}
	if v.record == nil {
		return Session{}, unavailable("reading a session", errMalformedAnswer)
	}
	return s.unseal(ctx, sid, v.record)
}

// overBecause translates the outcomes that need no look into the record.
func overBecause(o outcome) (cause Cause, over bool) {
	switch o { //nolint:exhaustive // the other outcomes go on
	case outcomeAbsent:
		return CauseAbsent, true
	case outcomeRevoked:
		return CauseRevoked, true
	case outcomeExpired:
		return CauseExpired, true
	case outcomeBad:
		return CauseTampered, true
	}
	return "", false
}

// unseal proves that a record says what we once wrote into it. A store without
// keys takes its word.
func (s *Store) unseal(ctx context.Context, sid string, r *record) (Session, error) {
	if s.keys != nil {
		if err := s.proved(ctx, sid, r); err != nil {
			return Session{}, err
		}
	}
	session, err := r.session(sid)
	if err != nil {
		return Session{}, invalid(CauseTampered)
	}
	return session, nil
}

func (s *Store) proved(ctx context.Context, sid string, r *record) error {
	keys, err := s.keysOf(ctx, r.sealVersion)
	if errors.Is(err, ErrInvalid) {
		// A version that does not exist yet cannot have sealed anything.
		if newest, currentErr := s.currentKeys(); currentErr == nil && r.sealVersion > newest.version {
			return invalid(CauseTampered)
		}
	}
	if err != nil {
		return err
	}
	if !r.sealed(keys.seal, sid) {
		return invalid(CauseTampered)
	}
	return nil
}

// end revokes a session for a reuse, or because Redis is too far behind. It
// always gives an error. The attacker may hang up: the revocation goes on.
//
// This is a call of its own, made only by a caller who is there to hear the
// verdict. If the commit itself revoked, a copy of it that was stuck in the
// network and arrives generations later would end an honest session.
func (s *Store) end(ctx context.Context, a *Attempt, found verdict) error {
	sent := 0
	v, err := s.resend(context.WithoutCancel(ctx), func(ctx context.Context) (verdict, error) {
		sent++
		return s.judge(ctx, a.Session.SID, "end", a.token.generation,
			a.record.absoluteEnd, a.record.body, tombstone(true), s.tombstoneTTL.Milliseconds())
	})
	event := Event{
		Kind: EventReuse, SID: a.Session.SID, ClientID: a.Session.ClientID,
		Generation: found.record.generation, Presented: a.token.generation, At: at(found),
	}
	cause := CauseReuse
	if found.outcome == outcomeRolledBack {
		event.Kind, cause = EventRolledBack, CauseRolledBack
	}
	if err != nil {
		s.report(ctx, event) // known, even though it could not be acted upon
		return unavailable("revoking a session", err)
	}
	switch v.outcome { //nolint:exhaustive // the rest is one case
	case outcomeReuse, outcomeRolledBack:
		s.report(ctx, event)
		if err := s.confirm(context.WithoutCancel(ctx), a.Session.SID); err != nil {
			return err
		}
		return invalid(cause)
	case outcomeOvertaken:
		s.report(ctx, event)
		return invalid(cause)
	case outcomeRevoked: // somebody was faster, and has reported it
		if sent > 1 { // or it was our own first sending: better told twice than never
			s.report(ctx, event)
		}
		return invalid(cause)
	case outcomeAbsent, outcomeExpired, outcomeBad:
		_, err := s.verified(ctx, a.token, v, a.Session.ClientID)
		return err
	default:
		return unavailable("revoking a session", fmt.Errorf("the session changed meanwhile: %s", v.outcome))
	}
}

// confirm waits for the replicas to have the revocation, where any are to have it.
func (s *Store) confirm(ctx context.Context, sid string) error {
	if s.replicasAck == 0 {
		return nil
	}
	_, err := s.leave(ctx, sid, tombstone(true))
	return err
}

func at(v verdict) time.Time { return time.UnixMilli(v.now).UTC() }
