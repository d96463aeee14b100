package refresh

import (
	"context"
	"errors"
	"time"
)

// RevokeToken ends the session of a token, of whatever generation, for the
// client that it belongs to, and tells its sid, or none if there was nothing to
// end: a session that is over already is no error. For any other text or client
// it is ErrInvalid and changes nothing (RFC 7009 2.2: the caller answers 200 all
// the same).
func (s *Store) RevokeToken(ctx context.Context, token, clientID string) (sid string, err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	p, err := s.authenticate(ctx, token)
	if err != nil {
		return "", err
	}
	v, err := s.look(ctx, p)
	if err != nil {
		return "", err
	}
	session, err := s.verified(ctx, p, v, clientID)
	var reason *Reason
	switch {
	case errors.As(err, &reason) && reason.Cause == CauseTampered:
		// Whose it is cannot be told any more. The token is genuine, and no token
		// will ever come of this record: make sure that it stays so.
	case errors.As(err, &reason) && reason.Cause == CauseRevoked && s.replicasAck > 0:
		// Perhaps by the call before, which too few replicas confirmed.
	case errors.Is(err, ErrInvalid):
		return "", nil
	case err != nil:
		return "", err
	case session.ClientID != clientID:
		return "", s.foreignClient(ctx, session, p, v, clientID)
	}
	sid = p.family.SID()
	if ended, err := s.bury(ctx, sid); err == nil && !ended {
		return "", nil
	} else if err != nil {
		return sid, err // it may have ended
	}
	return sid, nil
}

// Revoke ends a session, and with it every access token of its sid; with a
// client only a session of that client. It says whether there was one to end,
// and may be repeated.
func (s *Store) Revoke(ctx context.Context, sid, clientID string) (ended bool, err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	if !IsSID(sid) {
		return false, nil
	}
	if clientID != "" {
		_, texts, err := s.fetch(ctx, []string{sid})
		if err != nil {
			return false, unavailable("reading a session", err)
		}
		// Whose a tombstone is cannot be told. The call before may have left it, and
		// too few replicas have confirmed that; leaving it again ends nothing.
		r, ok := parseRecord(texts[0])
		again := ok && r.revoked && s.replicasAck > 0
		own := ok && r.belongs(sid, Owner{ClientID: clientID})
		if !again && !own {
			return false, nil
		}
	}
	return s.bury(ctx, sid)
}

// bury leaves a tombstone in the place of a session, and says whether it was one
// until then.
func (s *Store) bury(ctx context.Context, sid string) (ended bool, err error) {
	return s.leave(ctx, sid, tombstone(false))
}

func (s *Store) leave(ctx context.Context, sid, tombstone string) (ended bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	answer, err := s.durable.Run(ctx, s.scripts.revoke, []string{keySession + sid}, tombstone, s.tombstoneTTL.Milliseconds()).Text()
	if err != nil {
		return false, unavailable("revoking a session", err)
	}
	return answer == "ended", nil
}

// belongs reads whose a record is without its seal: to end a session nothing
// needs to be proved, for somebody who could write it could end it himself, and
// of a record that was changed no token comes.
func (r *record) belongs(sid string, o Owner) bool {
	if r.revoked {
		return false
	}
	session, err := r.session(sid)
	return err == nil && o.has(&session)
}
