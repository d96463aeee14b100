package keeper

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"signet/vaultkeys/lifecycle"
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

// Fences remembers since when a ring's fence stands.
type Fences interface {
	// See notes min_encryption_version, as it was seen at a time.
	See(ctx context.Context, ring string, minEncryption int, now time.Time) error
}

// Revoked are the kids that are dead whatever Vault says;
// *vaultkeys.RevokedKIDs fits.
type Revoked interface {
	// Sync reads the list anew; after an error what was known still holds.
	Sync(ctx context.Context) (learned, restored []string, err error)
	// Has reports whether a kid is on it.
	Has(kid string) bool
}

// KIDs are the kids that replicas noted of the versions of a ring.
type KIDs interface {
	// Recall is by version; what nobody noted is missing. After an error nothing
	// happens to an HS256 ring this round: a fence might rise to a revoked version.
	Recall(ctx context.Context, ring string) (map[int]string, error)
}

// What Redis is asked for: a label of the metrics.
const (
	askedLease     = "lease"
	askedFirstSeen = "first_seen"
	askedMaxTTL    = "max_ttl"
	askedFence     = "fence"
	askedRevoked   = "revoked"
	askedKIDs      = "kids"
)

// shared is what keepers and replicas share, and what holds without it.
type shared struct {
	lease     Lease
	firstSeen FirstSeen
	maxTTLs   MaxTTLs
	fences    Fences
	revoked   Revoked
	kids      KIDs
	synced    bool              // the revoked kids were read once
	reported  map[string]report // by ring
	metrics   *metrics
	log       onChange
}

// report is the largest max_ttl that was reported for a ring, and when that was
// last so.
type report struct {
	ttl time.Duration
	at  time.Time
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

// syncRevoked reads the revoked kids. Once they were known the keeper carries
// on without Redis: to fence at a kid that was revoked meanwhile stops signers,
// and the operator who revoked it has raised the fence himself.
func (s *shared) syncRevoked(ctx context.Context) error {
	_, _, err := s.revoked.Sync(ctx)
	s.asked(ctx, askedRevoked, "", err)
	if err != nil && !s.synced {
		return fmt.Errorf("%w: which kids are revoked: %w", errShared, err)
	}
	s.synced = true
	return nil
}

// tellFence is for others only, so a failure is counted and that is all.
func (s *shared) tellFence(ctx context.Context, ring string, minEncryption int, now time.Time) {
	if s.fences != nil {
		s.asked(ctx, askedFence, ring, s.fences.See(ctx, ring, minEncryption, now))
	}
}

// largest is the largest max_ttl reported, 0 if that is not known. What was
// reported once counts for 12h even if Redis forgets it meanwhile: the replicas
// report again one by one, and the first may be the one with the least.
func (s *shared) largest(ctx context.Context, ring string, now time.Time) time.Duration {
	if s.maxTTLs == nil {
		return 0
	}
	d, err := s.maxTTLs.Largest(ctx, ring)
	s.asked(ctx, askedMaxTTL, ring, err)
	if err != nil || d <= 0 {
		return 0
	}
	if last := s.reported[ring]; d < last.ttl && now.Sub(last.at) < lifecycle.UnknownMaxTTL {
		return last.ttl
	}
	s.reported[ring] = report{d, now}
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

// recall is the kids of a ring's versions, none without notes.
func (s *shared) recall(ctx context.Context, ring string) (map[int]string, error) {
	if s.kids == nil {
		return nil, nil //nolint:nilnil // no map is one without kids
	}
	kids, err := s.kids.Recall(ctx, ring)
	s.asked(ctx, askedKIDs, ring, err)
	if err != nil {
		return nil, fmt.Errorf("%w: the kids of ring %s: %w", errShared, ring, err)
	}
	return kids, nil
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
