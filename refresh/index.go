package refresh

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

const (
	keyIndex = "signet:u:"
	page     = 100 // sessions read or revoked in one round
)

// indexKey names a subject without telling it.
func indexKey(subject string) string {
	sum := sha256.Sum256([]byte(subject))
	return keyIndex + base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// enter writes a session into its subject's index, and learns from Redis when
// the session begins and ends.
func (s *Store) enter(ctx context.Context, sid string, session *Session) (now, end int64, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	latest := int64(maxMillis)
	if !session.ExpiresAt.IsZero() {
		latest = millis(session.ExpiresAt)
	}
	answer, err := s.scripts.index.Run(ctx, s.redis, []string{indexKey(session.Subject)}, sid, s.absolute.Milliseconds(), latest).StringSlice()
	if err != nil {
		return 0, 0, unavailable("indexing a session", err)
	}
	if len(answer) != 2 {
		return 0, 0, unavailable("indexing a session", errMalformedAnswer)
	}
	now, nowErr := atoi64(answer[0])
	end, endErr := atoi64(answer[1])
	if err := errors.Join(nowErr, endErr); err != nil {
		return 0, 0, unavailable("indexing a session", err)
	}
	if end <= now {
		return 0, 0, errOver
	}
	return now, end, nil
}

// entries are the sids in a subject's index. It is only a hint: it may name
// sessions that are over, that never came to be, or, if somebody wrote it,
// other people's.
func (s *Store) entries(ctx context.Context, subject string) ([]string, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	members, err := s.redis.ZRange(ctx, indexKey(subject), 0, -1).Result()
	if err != nil {
		return nil, unavailable("reading a subject's sessions", err)
	}
	sids := make([]string, 0, len(members))
	for _, m := range members {
		if isSID(m) {
			sids = append(sids, m)
		}
	}
	return sids, nil
}

// List gives the sessions of a subject that go on, those that end first first.
func (s *Store) List(ctx context.Context, subject string) (sessions []Session, err error) {
	defer func(began time.Time) { s.metrics.done(opList, s.now().Sub(began), err) }(s.now())
	sids, err := s.entries(ctx, subject)
	if err != nil {
		return nil, err
	}
	for len(sids) > 0 {
		n := min(page, len(sids))
		found, err := s.read(ctx, sids[:n])
		if err != nil {
			return nil, err
		}
		for _, session := range found {
			if session.Subject == subject {
				sessions = append(sessions, session)
			}
		}
		sids = sids[n:]
	}
	return sessions, nil
}
