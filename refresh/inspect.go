package refresh

import (
	"context"
	"time"
)

// Inspect tells about the session of a token that a refresh would accept now.
// It has no side effects: a reuse is merely ErrInvalid. Whether the asking
// client may know is the caller's to decide, by Session.ClientID.
func (s *Store) Inspect(ctx context.Context, token string) (session Session, err error) {
	defer func(began time.Time) { s.metrics.done(opInspect, s.now().Sub(began), err) }(s.now())
	p, err := s.authenticate(ctx, token)
	if err != nil {
		return Session{}, err
	}
	v, err := s.look(ctx, p)
	if err != nil {
		return Session{}, err
	}
	session, err = s.open(ctx, p.family.SID(), v)
	if err != nil {
		return Session{}, err
	}
	switch v.outcome { //nolint:exhaustive // open has refused all others
	case outcomeReuse:
		return Session{}, invalid(CauseReuse)
	case outcomeRolledBack:
		return Session{}, invalid(CauseRolledBack)
	}
	if err := s.refuseEnded(ctx, &session); err != nil {
		return Session{}, err
	}
	return session, nil
}
