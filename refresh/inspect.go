package refresh

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
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
	return session, nil
}

// Active reports whether a session goes on: it exists, is whole, not revoked
// and not at its end. An access token of any other sid is dead.
func (s *Store) Active(ctx context.Context, sid string) (active bool, err error) {
	defer func(began time.Time) { s.metrics.done(opActive, s.now().Sub(began), err) }(s.now())
	if !isSID(sid) {
		return false, nil
	}
	found, err := s.read(ctx, []string{sid})
	if err != nil {
		return false, err
	}
	return len(found) == 1, nil
}

// read gives those of the sessions that go on.
func (s *Store) read(ctx context.Context, sids []string) ([]Session, error) {
	now, texts, err := s.fetch(ctx, sids)
	if err != nil {
		return nil, unavailable("reading sessions", err)
	}
	sessions := make([]Session, 0, len(sids))
	for i, sid := range sids {
		r, ok := parseRecord(texts[i])
		if !ok || !r.live(now) {
			continue
		}
		session, err := s.unseal(ctx, sid, r)
		if errors.Is(err, ErrInvalid) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, session)
	}
	return sessions, nil
}

// fetch reads records and Redis's time in one go; no record is an empty text,
// and so is one of another type.
func (s *Store) fetch(ctx context.Context, sids []string) (now int64, texts []string, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	pipe := s.redis.Pipeline()
	clock := pipe.Time(ctx)
	gets := make([]*redis.StringCmd, len(sids))
	for i, sid := range sids {
		gets[i] = pipe.Get(ctx, keySession+sid)
	}
	// Exec gives the first error only, and an absent key is one of them: each
	// command is asked below.
	_, _ = pipe.Exec(ctx)
	at, err := clock.Result()
	if err != nil {
		return 0, nil, err
	}
	texts = make([]string, len(sids))
	for i, get := range gets {
		text, err := get.Result()
		if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE") {
			return 0, nil, err
		}
		texts[i] = text
	}
	return at.UnixMilli(), texts, nil
}

// isSID keeps texts that can be no session away from Redis.
func isSID(text string) bool {
	if len(text) != 22 {
		return false
	}
	for _, c := range []byte(text) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func atoi64(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) }
