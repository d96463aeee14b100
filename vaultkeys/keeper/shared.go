package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

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
	if err != nil && !s.synced && !errors.Is(err, vaultkeys.ErrNotRestored) {
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
	if err != nil || d <= 0 || d > lifecycle.UnknownMaxTTL { // or not to be believed
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
