package refresh

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// alive gives those of the sessions that go on, by their records.
func (s *Store) alive(ctx context.Context, now int64, sids, texts []string) ([]Session, error) {
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
	read := askRecords(ctx, pipe, sids)
	// Exec gives the first error only, and an absent key is one of them: each
	// command is asked below.
	_, _ = pipe.Exec(ctx)
	return read()
}

// clock is TIME with a key: a cluster's client would send TIME itself, which has
// none, to any node, and one that is silent would keep us from sessions that it
// has nothing to do with.
const clock = "return redis.call('TIME')"

func timeOf(answer *redis.Cmd) (time.Time, error) {
	parts, err := answer.Int64Slice()
	if err != nil {
		return time.Time{}, err
	}
	if len(parts) != 2 {
		return time.Time{}, errMalformedAnswer
	}
	return time.Unix(parts[0], parts[1]*int64(time.Microsecond)), nil
}

// askRecords puts the question about one or more into a pipeline; the answer is
// to be read once its commands were executed.
func askRecords(ctx context.Context, pipe redis.Pipeliner, sids []string) func() (now int64, texts []string, err error) {
	asked := pipe.Eval(ctx, clock, []string{keySession + sids[0]})
	gets := make([]*redis.StringCmd, len(sids))
	for i, sid := range sids {
		gets[i] = pipe.Get(ctx, keySession+sid)
	}
	return func() (int64, []string, error) {
		at, err := timeOf(asked)
		if err != nil {
			return 0, nil, err
		}
		texts := make([]string, len(sids))
		for i, get := range gets {
			text, err := get.Result()
			if err != nil && !errors.Is(err, redis.Nil) && !redis.HasErrorPrefix(err, "WRONGTYPE") {
				return 0, nil, err
			}
			texts[i] = text
		}
		return at.UnixMilli(), texts, nil
	}
}
