package refresh

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// An index is a sorted set of sids by the time that their sessions began. An
// entry is written before its session, so an index may name too much (sessions
// that are over, that never came to be, or, if somebody wrote it, other
// people's), never too little.

// storing is how long a session may be on its way from its index entry to its
// record: an entry without a record is over only when it is older.
const storing = time.Minute

var errOver = errors.New("the session would be over before it begins")

// span is what an index says of a new session.
type span struct {
	begins, ends int64     // ms
	some         []redis.Z // other entries, picked at random: to be pruned if they are over
}

// enter writes a session into an index of its, and learns from Redis when the
// session begins and ends. It begins at earliest, 0 for now, or right after the
// not-befores.
func (s *Store) enter(ctx context.Context, o Owner, notBefores []string, sid string, latest, earliest int64) (span, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	answer, err := s.scripts.index.Run(ctx, s.pipelined, append([]string{o.index()}, notBefores...),
		sid, s.absolute.Milliseconds(), latest, earliest).StringSlice()
	if err != nil {
		return span{}, unavailable("indexing a session", err)
	}
	sp, err := parseSpan(answer)
	if err != nil {
		return span{}, unavailable("indexing a session", err)
	}
	return sp, nil
}

// parseSpan reads the answer of the index's script. A session that would be over
// before it begins was not written.
func parseSpan(answer []string) (sp span, err error) {
	if len(answer) < 2 || len(answer)%2 != 0 {
		return span{}, errMalformedAnswer
	}
	var beginsErr, endsErr error
	sp.begins, beginsErr = strconv.ParseInt(answer[0], 10, 64)
	sp.ends, endsErr = strconv.ParseInt(answer[1], 10, 64)
	if err := errors.Join(beginsErr, endsErr); err != nil {
		return span{}, err
	}
	if sp.ends <= sp.begins {
		return span{}, errOver
	}
	for i := 2; i < len(answer); i += 2 {
		score, err := strconv.ParseFloat(answer[i+1], 64)
		if err != nil {
			return span{}, err
		}
		sp.some = append(sp.some, redis.Z{Member: answer[i], Score: score})
	}
	return sp, nil
}

// prune takes those of some entries out of an index whose sessions are over. A
// few picked at random at each login keep an index in proportion to what is
// alive, as Redis' own expiry does. What fails is done another time.
func (s *Store) prune(ctx context.Context, o Owner, sp span) {
	// What is younger has hardly had the time to end.
	before := float64(sp.begins - max(s.idle, storing).Milliseconds())
	sids := members(slices.DeleteFunc(sp.some, func(entry redis.Z) bool { return entry.Score >= before }))
	if len(sids) == 0 {
		return
	}
	_, texts, err := s.fetch(ctx, sids)
	if err != nil {
		return
	}
	var over []string
	for i, sid := range sids {
		if texts[i] == "" {
			over = append(over, sid)
		}
	}
	s.forget(ctx, o, over)
}

// stale reports whether an entry without a record will never have one.
func stale(entry redis.Z, now int64) bool {
	return entry.Score < float64(now-storing.Milliseconds())
}

func members(entries []redis.Z) []string {
	sids := make([]string, len(entries))
	for i, entry := range entries {
		sids[i] = memberOf(entry)
	}
	return sids
}

func memberOf(entry redis.Z) string {
	sid, _ := entry.Member.(string) // it is always one
	return sid
}

// forget takes sids out of an index. If it fails they are merely found again.
func (s *Store) forget(ctx context.Context, o Owner, sids []string) (done bool) {
	if len(sids) == 0 {
		return true
	}
	members := make([]any, len(sids))
	for i, sid := range sids {
		members[i] = sid
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	err := s.redis.ZRem(ctx, o.index(), members...).Err()
	if err != nil {
		s.log.DebugContext(ctx, "pruning an index of sessions", "error", err)
	}
	return err == nil
}
