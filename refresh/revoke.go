package refresh

import (
	"context"
	"errors"
	"time"
)

// RevokeToken ends the session of a token, of whatever generation, for the
// client that it belongs to. A session that is over already is no error. For
// any other text or client it is ErrInvalid and changes nothing (RFC 7009 2.2:
// the caller answers 200 all the same).
func (s *Store) RevokeToken(ctx context.Context, token, clientID string) (err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	p, err := s.authenticate(ctx, token)
	if err != nil {
		return err
	}
	v, err := s.look(ctx, p)
	if err != nil {
		return err
	}
	session, err := s.verified(ctx, p, v, clientID)
	var reason *Reason
	switch {
	case errors.As(err, &reason) && reason.Cause == CauseTampered:
		// Whose it is cannot be told any more. The token is genuine, and no token
		// will ever come of this record: make sure that it stays so.
	case errors.Is(err, ErrInvalid):
		return nil
	case err != nil:
		return err
	case session.ClientID != clientID:
		s.report(ctx, Event{Kind: EventForeignClient, SID: session.SID, ClientID: clientID, Generation: session.Generation, Presented: p.generation, At: at(v)})
		return invalid(CauseClient)
	}
	_, err = s.bury(ctx, p.family.SID(), false)
	return err
}

// Revoke ends a session, and with it every access token of its sid. It is no
// error if there is none.
func (s *Store) Revoke(ctx context.Context, sid string) (err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	if !isSID(sid) {
		return nil
	}
	_, err = s.bury(ctx, sid, false)
	return err
}

// RevokeSubject ends every session of a subject and says how many there were.
// It needs no key: where a record cannot be verified it revokes rather too
// much. What it finds in the index but not yet stored, it keeps from being
// stored.
func (s *Store) RevokeSubject(ctx context.Context, subject string) (n int, err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	sids, err := s.entries(ctx, subject)
	if err != nil {
		return 0, err
	}
	for len(sids) > 0 {
		part := sids[:min(page, len(sids))]
		ended, err := s.revokeAll(ctx, subject, part)
		n += ended
		if err != nil {
			return n, err
		}
		sids = sids[len(part):]
	}
	return n, nil
}

func (s *Store) revokeAll(ctx context.Context, subject string, sids []string) (n int, err error) {
	now, texts, err := s.fetch(ctx, sids)
	if err != nil {
		return 0, unavailable("reading a subject's sessions", err)
	}
	buried := make([]any, 0, len(sids))
	for i, sid := range sids {
		r, ok := parseRecord(texts[i])
		if ok && !r.revoked && s.belongsToOther(ctx, sid, r, subject) {
			continue
		}
		ended, err := s.bury(ctx, sid, true)
		if err != nil {
			return n, err
		}
		if ended && ok && r.live(now) {
			n++
		}
		buried = append(buried, sid)
	}
	if len(buried) == 0 {
		return n, nil
	}
	// They are over for good, so the index may forget them; if it cannot, they
	// are merely found once more.
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	if err := s.redis.ZRem(ctx, indexKey(subject), buried...).Err(); err != nil {
		s.log.WarnContext(ctx, "forgetting revoked sessions", "error", err)
	}
	return n, nil
}

// belongsToOther is true only where the seal proves it.
func (s *Store) belongsToOther(ctx context.Context, sid string, r *record, subject string) bool {
	session, err := s.unseal(ctx, sid, r)
	return err == nil && session.Subject != subject
}

// bury leaves a tombstone in the place of a session; with reserve also where
// there is none, so that none can be stored there.
func (s *Store) bury(ctx context.Context, sid string, reserve bool) (ended bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	absent := "0"
	if reserve {
		absent = "1"
	}
	answer, err := s.scripts.revoke.Run(ctx, s.redis, []string{keySession + sid}, tombstone(), s.tombstoneTTL.Milliseconds(), absent).Text()
	if err != nil {
		return false, unavailable("revoking a session", err)
	}
	return answer == "ended", nil
}
