package refresh

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// sweep is how many sessions are ended in one round.
const sweep = 500

// RevokeAll ends every session of an owner, and with the sessions every access
// token that was issued until now. First comes the not-before: once that is set
// nothing of the owner's goes on, whether the index knows of it or not. Then the
// sessions that the index knows are ended one by one, which says how many there
// were and tidies up.
//
// Where ctx ends before that is done (a client with a million sessions), or Redis
// is too slow for it, n counts the rest by the index, which may name sessions
// that were over; for a subject at one client n leaves the rest out. It may be
// repeated: nothing is ended twice.
func (s *Store) RevokeAll(ctx context.Context, o Owner) (n int, err error) {
	defer func(began time.Time) { s.metrics.done(opRevoke, s.now().Sub(began), err) }(s.now())
	if o == (Owner{}) {
		return 0, errNobody
	}
	until, err := s.setNotBefore(ctx, o)
	if err != nil {
		return 0, err
	}
	for kept := int64(0); ; {
		if s.pressed(ctx) {
			rest, err := s.rest(ctx, o, until, kept)
			return n + rest, err
		}
		entries, err := s.entries(ctx, o, until, kept)
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			s.log.WarnContext(ctx, "something else stands where an index of sessions should; the not-before counts all the same", "key", o.index())
			return n, nil
		}
		if err != nil || len(entries) == 0 {
			return n, err
		}
		ended, others, err := s.endAll(ctx, o, entries)
		n, kept = n+ended, kept+others
		if err != nil {
			s.log.WarnContext(ctx, "sessions that a not-before ended are not tidied up", "error", err)
			rest, err := s.rest(ctx, o, until, kept)
			return n + rest, err
		}
	}
}

var errNobody = errors.New("neither a subject nor a client is named")

// pressed reports whether the caller's time runs out.
func (s *Store) pressed(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < 2*s.timeout
}

// entries are those of an index that began until then, from the oldest, without
// the first few.
func (s *Store) entries(ctx context.Context, o Owner, until, skip int64) ([]redis.Z, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	entries, err := s.redis.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: o.index(), Start: "-inf", Stop: strconv.FormatInt(until, 10), ByScore: true, Offset: skip, Count: sweep,
	}).Result()
	if err != nil {
		return nil, unavailable("reading an index of sessions", err)
	}
	return entries, nil
}

// rest counts by the index what was not gone through. A subject's has its
// sessions at other clients too, which are nothing to tell one client.
func (s *Store) rest(ctx context.Context, o Owner, until, kept int64) (int, error) {
	if o.Subject != "" && o.ClientID != "" {
		return 0, nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	n, err := s.redis.ZCount(ctx, o.index(), "-inf", strconv.FormatInt(until, 10)).Result()
	if err != nil {
		return 0, unavailable("counting an index of sessions", err)
	}
	return int(max(0, n-kept)), nil
}

// endAll ends those of the sessions that are the owner's. The others keep their
// place in the index: a subject's has those at other clients too, and of an
// entry without a record nobody knows whose it is to be.
func (s *Store) endAll(ctx context.Context, o Owner, entries []redis.Z) (ended int, others int64, err error) {
	sids := members(entries)
	now, texts, err := s.fetch(ctx, sids)
	if err != nil {
		return 0, 0, unavailable("reading sessions", err)
	}
	var over, theirs []string
	for i, sid := range sids {
		switch r, ok := parseRecord(texts[i]); {
		case ok && r.revoked, texts[i] == "" && stale(entries[i], now):
			over = append(over, sid)
		case ok && r.belongs(sid, o):
			over, theirs = append(over, sid), append(theirs, sid)
			if r.live(now) {
				ended++
			}
		default:
			others++
		}
	}
	if err := s.buryAll(ctx, theirs); err != nil {
		return 0, others, err
	}
	if !s.forget(ctx, o, over) {
		others += int64(len(over)) // or the next round would begin with them again
	}
	return ended, others, nil
}

// buryAll is bury for many. It need not wait for replicas: they have the
// not-before.
func (s *Store) buryAll(ctx context.Context, sids []string) error {
	script, left, life := s.scripts.revoke, tombstone(false), s.tombstoneTTL.Milliseconds()
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	pipe := s.redis.Pipeline()
	cmds := make([]*redis.Cmd, len(sids))
	for i, sid := range sids {
		cmds[i] = script.EvalSha(ctx, pipe, []string{keySession + sid}, left, life)
	}
	_, _ = pipe.Exec(ctx) // each command is asked below
	for i, sid := range sids {
		err := cmds[i].Err()
		if redis.HasErrorPrefix(err, "NOSCRIPT") { // the first sends it to the node, the others find it there
			err = script.Run(ctx, s.redis, []string{keySession + sid}, left, life).Err()
		}
		if err != nil {
			return unavailable("revoking sessions", err)
		}
	}
	return nil
}
