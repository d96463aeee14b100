package refresh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"signet/internal/pipelining"
	"signet/internal/replicated"
)

// Config makes a Store.
type Config struct {
	// Redis; required. Its own retries should be off and its context deadlines
	// on, see internal/sharedstate.
	Redis redis.UniversalClient
	// Keys make and check tokens and seals. Without them, as for an operator's
	// tool that holds no right in Vault, sessions can be listed and revoked, but
	// what a list says is what Redis says; nil means none.
	Keys MACKeys
	// Grace is how long the token before the newest one may be presented again;
	// 0 means never.
	Grace time.Duration
	// Idle is how long a session lives without a refresh; 0 means 168h.
	Idle time.Duration
	// Absolute is how long a session lives at most; 0 means 720h.
	Absolute time.Duration
	// TombstoneTTL is how long a revocation is kept; it must outlive every
	// access token (max_ttl + 3 * clock_skew: the replica that issued it may be
	// ahead, the one that judges it behind, and it forgives that much). 0 means 12h15s.
	TombstoneTTL time.Duration
	// ClockSkew is how far two clocks may be apart: an access token without a
	// session is over if it was issued up to so long after a not-before.
	ClockSkew time.Duration
	// ReplicasAck is how many replicas of Redis must have a revocation before it
	// counts as one; 0 means none.
	ReplicasAck int
	// AcceptRollbackUntil lets any newer generation roll a session forward until
	// then, after a planned restore of Redis; zero means two generations, always.
	AcceptRollbackUntil time.Time
	// Timeout of one call to Redis; it should not exceed the client's own read
	// timeout. 0 means 300ms.
	Timeout time.Duration
	// Events is called with each security event, also while Redis fails; nil
	// means that they are only logged and counted. It must not block.
	Events func(Event)
	// Now measures how long a commit was on its way (sessions live by Redis
	// TIME); default time.Now.
	Now func() time.Time
	// Logger; default slog.Default().
	Logger *slog.Logger
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
	// Rand; default crypto/rand.Reader.
	Rand io.Reader
}

// Store keeps sessions in Redis.
type Store struct {
	redis     redis.UniversalClient
	pipelined pipelined // for what each request asks
	keys      MACKeys
	scripts   scripts
	durable   *replicated.Writer

	replicasAck int

	grace, idle, absolute, tombstoneTTL, clockSkew, timeout time.Duration

	acceptRollbackUntil time.Time

	events  func(Event)
	now     func() time.Time
	log     *slog.Logger
	metrics metrics
	rand    io.Reader
}

// New makes a Store; nothing is asked before its first use.
func New(c Config) *Store {
	c.defaults()
	return &Store{
		redis: c.Redis, pipelined: pipelining.New(pipelining.Config{Redis: c.Redis, Logger: c.Logger}), keys: c.Keys, scripts: newScripts(),
		replicasAck: c.ReplicasAck,
		durable:     replicated.New(replicated.Config{Redis: c.Redis, Replicas: c.ReplicasAck}),
		grace:       c.Grace, idle: c.Idle, absolute: c.Absolute, tombstoneTTL: c.TombstoneTTL, clockSkew: c.ClockSkew, timeout: c.Timeout,
		acceptRollbackUntil: c.AcceptRollbackUntil,
		events:              c.Events, now: c.Now, log: c.Logger, metrics: newMetrics(c.Registerer), rand: c.Rand,
	}
}

func (c *Config) defaults() {
	c.Grace = max(c.Grace, 0)
	for _, d := range []struct {
		value   *time.Duration
		instead time.Duration
	}{
		{&c.Idle, 168 * time.Hour},
		{&c.Absolute, 720 * time.Hour},
		{&c.TombstoneTTL, 12*time.Hour + 15*time.Second},
		{&c.Timeout, 300 * time.Millisecond},
	} {
		if *d.value <= 0 {
			*d.value = d.instead
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
}

var errOccupied = errors.New("the session was revoked while it was being stored")

// Create stores the session of a family and answers its first token. Times
// come from Redis; an ExpiresAt of the caller's can only bring the end nearer.
// The index entries are written first, so that "log out everywhere" may find a
// session that never came to be, but never misses one. It begins after every
// not-before there is.
func (s *Store) Create(ctx context.Context, family Family, session Session) (token string, stored Session, err error) {
	defer func(began time.Time) { s.metrics.done(opCreate, s.now().Sub(began), err) }(s.now())
	keys, err := s.currentKeys()
	if err != nil {
		return "", Session{}, err
	}
	sid := family.SID()
	begins, ends, err := s.enterAll(ctx, sid, &session)
	if err != nil {
		return "", Session{}, err
	}
	r := &record{
		generation: firstToken, macVersion: keys.version,
		rotatedAt: begins, idleEnd: min(begins+s.idle.Milliseconds(), ends), absoluteEnd: ends, sealVersion: keys.version,
	}
	session.CreatedAt = time.UnixMilli(begins)
	if r.body, err = encodeBody(&session); err != nil {
		return "", Session{}, fmt.Errorf("encoding a session: %w", err)
	}
	r.seal = sealOf(keys.seal, sid, ends, r.body)
	if stored, err = r.session(sid); err != nil {
		return "", Session{}, fmt.Errorf("encoding a session: %w", err)
	}
	if err := s.put(ctx, sid, r); err != nil {
		return "", Session{}, err
	}
	return mint(keys.token, keys.version, family, firstToken), stored, nil
}

// enterAll writes a session into the index of its client and that of its
// subject. In a cluster they are in different slots, of nodes with clocks of
// their own. A session begins by one of them, and is in both indexes as of then:
// a not-before covers what its index has.
func (s *Store) enterAll(ctx context.Context, sid string, session *Session) (begins, ends int64, err error) {
	latest := int64(maxMillis)
	if !session.ExpiresAt.IsZero() {
		latest = millis(session.ExpiresAt)
	}
	client, subject := Owner{ClientID: session.ClientID}, Owner{Subject: session.Subject}
	first, err := s.enter(ctx, client, []string{client.notBefore()}, sid, latest, 0)
	if err != nil {
		return 0, 0, err
	}
	second, err := s.enter(ctx, subject, []string{subject.notBefore(), session.owner().notBefore()}, sid, latest, first.begins)
	if err != nil {
		return 0, 0, err
	}
	if second.begins > first.begins { // after a not-before of the subject's: its place in the other index is later
		if _, err := s.enter(ctx, client, []string{client.notBefore()}, sid, latest, second.begins); err != nil {
			return 0, 0, err
		}
	}
	s.prune(ctx, client, first)
	s.prune(ctx, subject, second)
	return second.begins, second.ends, nil
}

func (s *Store) put(ctx context.Context, sid string, r *record) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	answer, err := s.scripts.create.Run(ctx, s.pipelined, []string{keySession + sid}, r.encode(), strconv.FormatInt(r.idleEnd, 10)).Text()
	if err != nil {
		return unavailable("storing a session", err)
	}
	if answer != "stored" {
		// Trying again makes another session, which nobody has revoked.
		return unavailable("storing a session", errOccupied)
	}
	return nil
}

// newAttempt names one refresh, so that the script knows it when it comes twice.
func (s *Store) newAttempt() (id [attemptLen]byte, err error) {
	if _, err := io.ReadFull(s.rand, id[:]); err != nil {
		return id, fmt.Errorf("drawing an attempt id: %w", err)
	}
	return id, nil
}
