package refresh

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Limits of a list's page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// ErrCursor means that a cursor is none of ours.
var ErrCursor = errors.New("the cursor is not one that a list has answered")

// ListRequest asks for a page of an owner's sessions.
type ListRequest struct {
	// Owner: a subject, a client or both; required.
	Owner Owner
	// Limit is how many sessions; 0 means DefaultLimit, more than MaxLimit means that.
	Limit int
	// Cursor is where the page before ended; empty for the first.
	Cursor string
}

// List gives a page of the sessions that go on, the newest first, and the cursor
// of the next page, empty at the end. A page may be shorter than its limit, also
// empty, without being the last. What begins or ends meanwhile may be on it or
// not; what goes on all the time is on exactly one page.
func (s *Store) List(ctx context.Context, r ListRequest) (sessions []Session, next string, err error) {
	defer func(began time.Time) { s.metrics.done(opList, s.now().Sub(began), err) }(s.now())
	if r.Owner == (Owner{}) {
		return nil, "", errNobody
	}
	at, err := parseCursor(r.Cursor)
	if err != nil {
		return nil, "", err
	}
	limit := r.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit = min(limit, MaxLimit)
	// An index whose sessions are mostly over, or mostly other clients', is not
	// walked to its end for one page.
	for range 10 {
		entries, err := s.after(ctx, r.Owner, at, limit)
		if err != nil {
			return nil, "", err
		}
		if len(entries) == 0 {
			return sessions, "", nil
		}
		found, err := s.listed(ctx, r.Owner, entries)
		if err != nil {
			return nil, "", err
		}
		for i := range found {
			if sessions = append(sessions, found[i]); len(sessions) == limit {
				return sessions, found[i].position(entries).String(), nil
			}
		}
		at = positionOf(entries[len(entries)-1])
	}
	return sessions, at.String(), nil
}

// listed reads the sessions of some entries, and takes those out of the index
// that are over.
func (s *Store) listed(ctx context.Context, o Owner, entries []redis.Z) ([]Session, error) {
	sids := members(entries)
	now, texts, err := s.fetch(ctx, sids)
	if err != nil {
		return nil, unavailable("reading sessions", err)
	}
	found, err := s.alive(ctx, now, sids, texts)
	if err != nil {
		return nil, err
	}
	var old []string
	for i, sid := range sids {
		if texts[i] == "" && stale(entries[i], now) {
			old = append(old, sid)
		}
	}
	s.forget(ctx, o, old)
	mine := found[:0]
	for i := range found {
		if o.has(&found[i]) {
			mine = append(mine, found[i])
		}
	}
	return s.notEnded(ctx, mine)
}

// after are the next entries of an index, newest first. Scores that are no time
// of ours are passed over: no place could be said to be behind them.
func (s *Store) after(ctx context.Context, o Owner, at position, count int) ([]redis.Z, error) {
	var entries []redis.Z
	// Those of the same millisecond come in the order of their sids, and some of
	// them may be on the page before.
	for skip := int64(0); ; skip += int64(count) {
		part, err := s.reversed(ctx, o, at, skip, count)
		if err != nil {
			return nil, err
		}
		for _, entry := range part {
			if at.before(entry) && IsSID(memberOf(entry)) && len(entries) < count {
				entries = append(entries, entry)
			}
		}
		if len(entries) > 0 || len(part) < count {
			return entries, nil
		}
	}
}

func (s *Store) reversed(ctx context.Context, o Owner, at position, skip int64, count int) ([]redis.Z, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	part, err := s.redis.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{
		Key: o.index(), Start: at.score(), Stop: "0", ByScore: true, Rev: true, Offset: skip, Count: int64(count),
	}).Result()
	if err != nil {
		return nil, unavailable("reading an index of sessions", err)
	}
	return part, nil
}

// position is a place in an index: behind the entry of that score and sid.
type position struct {
	begins int64
	sid    string // empty: before the first
}

func positionOf(entry redis.Z) position {
	return position{begins: int64(entry.Score), sid: memberOf(entry)}
}

// position is that of the session's own entry.
func (s *Session) position(entries []redis.Z) position {
	for _, entry := range entries {
		if memberOf(entry) == s.SID {
			return positionOf(entry)
		}
	}
	return position{}
}

func (p position) score() string {
	if p.sid == "" {
		return strconv.FormatInt(maxMillis, 10)
	}
	return strconv.FormatInt(p.begins, 10)
}

// before reports whether an entry comes after this place.
func (p position) before(entry redis.Z) bool {
	return p.sid == "" || entry.Score < float64(p.begins) || entry.Score == float64(p.begins) && memberOf(entry) < p.sid
}

// String is the cursor.
func (p position) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte("1 " + strconv.FormatInt(p.begins, 10) + " " + p.sid))
}

// parseCursor takes back what String made, and nothing else.
func parseCursor(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) > 64 {
		return position{}, ErrCursor
	}
	begins, sid, _ := strings.Cut(strings.TrimPrefix(string(raw), "1 "), " ")
	p := position{sid: sid}
	if p.begins, err = strconv.ParseInt(begins, 10, 64); err != nil || !IsSID(sid) || p.String() != text {
		return position{}, ErrCursor
	}
	return p, nil
}
