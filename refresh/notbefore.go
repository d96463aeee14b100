package refresh

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// A not-before stands beside the records: what began until then is over,
// whatever an index forgot or a failover brought back.

// setNotBefore sets an owner's not-before and says what it is now, in ms.
func (s *Store) setNotBefore(ctx context.Context, o Owner) (int64, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	life := max(s.absolute, s.tombstoneTTL) + s.clockSkew
	answer, err := s.durable.Run(ctx, s.scripts.notBefore, []string{o.notBefore(), o.index()}, life.Milliseconds()).Text()
	if err != nil {
		return 0, unavailable("setting a not-before", err)
	}
	at, err := strconv.ParseInt(answer, 10, 64)
	if err != nil {
		return 0, unavailable("setting a not-before", errMalformedAnswer)
	}
	return at, nil
}

// latestNotBefores says of each owner, a subject at a client, what began until
// when is over, in ms; 0 means nothing is.
func (s *Store) latestNotBefores(ctx context.Context, owners []Owner) (map[Owner]int64, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	pipe := s.redis.Pipeline()
	read := askNotBefores(ctx, pipe, owners)
	if err := s.pipelined.Process(ctx, pipe.Cmds()...); err != nil {
		return nil, unavailable("reading a not-before", err)
	}
	return read()
}

// askNotBefores puts the question into a pipeline; the answer is to be read once
// its commands were executed. Each key is asked for once, and each owner's are hashed once.
func askNotBefores(ctx context.Context, pipe redis.Pipeliner, owners []Owner) func() (map[Owner]int64, error) {
	gets := map[string]*redis.StringCmd{}
	cmds := make(map[Owner][]*redis.StringCmd)
	for _, o := range owners {
		if cmds[o] != nil {
			continue
		}
		for _, key := range o.notBefores() {
			if gets[key] == nil {
				gets[key] = pipe.Get(ctx, key)
			}
			cmds[o] = append(cmds[o], gets[key])
		}
	}
	return func() (map[Owner]int64, error) {
		latest := make(map[Owner]int64, len(cmds))
		for o, gets := range cmds {
			for _, get := range gets {
				at, err := parseNotBefore(get)
				if err != nil {
					return nil, unavailable("reading a not-before", err)
				}
				latest[o] = max(latest[o], at)
			}
		}
		return latest, nil
	}
}

// parseNotBefore reads one; what is none of ours is an error, never a no.
func parseNotBefore(get *redis.StringCmd) (int64, error) {
	text, err := get.Result()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at < 0 {
		return 0, fmt.Errorf("%v is not a time: delete the key or revoke again", get.Args()[1])
	}
	return at, nil
}

// notEnded gives those of some sessions that no not-before ended.
func (s *Store) notEnded(ctx context.Context, sessions []Session) ([]Session, error) {
	if len(sessions) == 0 {
		return nil, nil
	}
	owners := make([]Owner, 0, len(sessions))
	for i := range sessions {
		owners = append(owners, sessions[i].owner())
	}
	latest, err := s.latestNotBefores(ctx, owners)
	if err != nil {
		return nil, err
	}
	open := make([]Session, 0, len(sessions))
	for i := range sessions {
		if session := &sessions[i]; !session.begunBy(latest[session.owner()]) {
			open = append(open, *session)
		}
	}
	return open, nil
}

// refuseEnded refuses a session that a not-before ended.
func (s *Store) refuseEnded(ctx context.Context, session *Session) error {
	o := session.owner()
	latest, err := s.latestNotBefores(ctx, []Owner{o})
	if err != nil {
		return err
	}
	if session.begunBy(latest[o]) {
		return invalid(CauseRevoked)
	}
	return nil
}

// begunBy reports whether a not-before ends the session.
func (s *Session) begunBy(notBefore int64) bool { return s.CreatedAt.UnixMilli() <= notBefore }

// AccessToken is what denials judge an access token by.
type AccessToken struct {
	// SID of its session; empty if it belongs to none.
	SID               string
	Subject, ClientID string
	IssuedAt          time.Time
}

// Denied reports whether an access token is over before its exp: its session is
// (it is absent, not whole, revoked or at its end), or a not-before of its
// subject or client is later. A token of a session goes by when that began;
// one without by its iat, and the skew that two clocks may have.
//
// If Redis cannot be asked, that is an error and never a no.
func (s *Store) Denied(ctx context.Context, t AccessToken) (denied bool, err error) {
	defer func(began time.Time) { s.metrics.done(opDenied, s.now().Sub(began), err) }(s.now())
	o := Owner{Subject: t.Subject, ClientID: t.ClientID}
	if t.SID != "" && !IsSID(t.SID) {
		return true, nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	pipe := s.redis.Pipeline()
	readNotBefores := askNotBefores(ctx, pipe, []Owner{o})
	var readRecords func() (int64, []string, error)
	if t.SID != "" {
		readRecords = askRecords(ctx, pipe, []string{t.SID})
	}
	if err := s.pipelined.Process(ctx, pipe.Cmds()...); err != nil {
		return false, unavailable("reading a session", err)
	}
	latest, err := readNotBefores()
	if err != nil {
		return false, err
	}
	if t.SID == "" {
		return t.IssuedAt.UnixMilli() <= latest[o]+s.clockSkew.Milliseconds() && latest[o] > 0, nil
	}
	now, texts, err := readRecords()
	if err != nil {
		return false, unavailable("reading a session", err)
	}
	found, err := s.alive(ctx, now, []string{t.SID}, texts)
	if err != nil {
		return false, err
	}
	return len(found) == 0 || found[0].begunBy(latest[o]), nil
}
