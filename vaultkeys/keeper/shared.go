package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Lease is held by one keeper at a time, as a rule. It merely saves work: no
// write is safe because of it, and none waits for it for long.
type Lease interface {
	// Hold takes the lease, or keeps it, and reports whether this keeper has it.
	// After an error the keeper carries on as if it had.
	Hold(ctx context.Context) (bool, error)
}

// FirstSeen remembers when a version was first seen, for keys that Vault gives
// no creation times, and when versions were first seen retired.
type FirstSeen interface {
	// FirstSeen stores now if nothing is stored for that name and version yet,
	// and returns what is stored. The name is a ring's, or a ring's and
	// ":retired". After an error nothing that depends on it happens this round.
	FirstSeen(ctx context.Context, name string, version int, now time.Time) (time.Time, error)
}

// MaxTTLs are the max_ttl that the replicas sign with, which in a rolling
// change of the configuration are not all the keeper's own.
type MaxTTLs interface {
	// Largest is the largest that was reported for a ring in the last 12h; 0 =
	// no report. No report and an error both mean 12h.
	Largest(ctx context.Context, ring string) (time.Duration, error)
}

// What Redis is asked for: a label of the metrics.
const (
	askedLease     = "lease"
	askedFirstSeen = "first_seen"
	askedMaxTTL    = "max_ttl"
)

// shared is what keepers and replicas share, and what holds without it.
type shared struct {
	lease     Lease
	firstSeen FirstSeen
	maxTTLs   MaxTTLs
	metrics   *metrics
	log       onChange
}

// hold reports whether this keeper should act at once.
func (s *shared) hold(ctx context.Context) bool {
	held := true
	if s.lease != nil {
		got, err := s.lease.Hold(ctx)
		s.asked(ctx, askedLease, "", err)
		held = got || err != nil
	}
	s.metrics.holds(held)
	return held
}

// largest is the largest max_ttl reported, 0 if that is not known.
func (s *shared) largest(ctx context.Context, ring string) time.Duration {
	if s.maxTTLs == nil {
		return 0
	}
	d, err := s.maxTTLs.Largest(ctx, ring)
	s.asked(ctx, askedMaxTTL, ring, err)
	if err != nil {
		return 0
	}
	return d
}

func (s *shared) seen(ctx context.Context, name string, version int, now time.Time) (time.Time, error) {
	at, err := s.firstSeen.FirstSeen(ctx, name, version, now)
	s.asked(ctx, askedFirstSeen, name, err)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: when %s version %d was first seen: %w", errShared, name, version, err)
	}
	return at, nil
}

// asked counts and logs a question's failure, unless the keeper is ending.
func (s *shared) asked(ctx context.Context, what, of string, err error) {
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.metrics.redisFailed(what)
	}
	s.log.see(what+" "+of, what, err, "what", what, "of", of)
}

// memory is FirstSeen for the life of a process.
type memory struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *memory) FirstSeen(_ context.Context, name string, version int, now time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := fmt.Sprintf("%s %d", name, version)
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	if at, ok := m.seen[id]; ok {
		return at, nil
	}
	m.seen[id] = now
	return now, nil
}

// onChange logs a failure when it begins and when its kind changes, and its
// end: an outage of a night is a few lines.
type onChange struct {
	log  *slog.Logger
	last map[string]string // what is failing -> how
}

func (o *onChange) see(id, kind string, err error, args ...any) {
	last, failing := o.last[id]
	switch {
	case err == nil && failing:
		delete(o.last, id)
		o.log.Info("keeper: works again", args...)
	case err != nil && (!failing || last != kind):
		if o.last == nil {
			o.last = map[string]string{}
		}
		o.last[id] = kind
		o.log.Warn("keeper: failing, and trying again each round", append(args, "reason", kind, "error", err)...)
	}
}
