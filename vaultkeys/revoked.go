package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"signet/signer"
)

// RevokedList is where revoked kids are kept besides the configuration.
type RevokedList interface {
	// RevokedKIDs are all of them.
	RevokedKIDs(ctx context.Context) ([]string, error)
	// RestoreRevoked puts one back that the list has lost.
	RestoreRevoked(ctx context.Context, kid string) error
}

// RevokedKIDs is the set of kids that are dead whatever Vault says. It only
// grows: a list that is empty one day was restored or flushed, and what it has
// lost is put back, so that a replica that starts later learns it too. All
// methods may be called concurrently.
type RevokedKIDs struct {
	list RevokedList // nil = only what the configuration names
	mu   sync.Mutex  // one Sync at a time
	set  atomic.Pointer[map[string]struct{}]
}

// NewRevokedKIDs returns the set with the configured kids; a nil list adds none.
func NewRevokedKIDs(list RevokedList, configured []string) *RevokedKIDs {
	set := make(map[string]struct{}, len(configured))
	for _, kid := range configured {
		set[kid] = struct{}{}
	}
	r := &RevokedKIDs{list: list}
	r.set.Store(&set)
	return r
}

// Has reports whether a kid is revoked.
func (r *RevokedKIDs) Has(kid string) bool {
	_, ok := (*r.set.Load())[kid]
	return ok
}

// Sync reads the list, and says which kids are new here and which were put back
// that the list had lost. What is no kid on it is passed over. An error wraps
// signer.ErrUnavailable: the list could not be read, or, beside [ErrNotRestored],
// it could, and what it lost could not be put back.
func (r *RevokedKIDs) Sync(ctx context.Context) (learned, restored []string, err error) {
	if r.list == nil {
		return nil, nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	listed, err := r.list.RevokedKIDs(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the revoked kids: %w: %w", signer.ErrUnavailable, err)
	}
	before := *r.set.Load()
	known, there := maps.Clone(before), make(map[string]struct{}, len(listed))
	for _, kid := range listed {
		there[kid] = struct{}{}
		if _, ok := known[kid]; !ok && signer.IsKID(kid) {
			known[kid] = struct{}{}
			learned = append(learned, kid)
		}
	}
	r.set.Store(&known) // first of all: a Redis that takes no writes must not hide what it tells
	for kid := range before {
		if _, ok := there[kid]; ok {
			continue
		}
		if err := r.list.RestoreRevoked(ctx, kid); err != nil {
			return learned, restored, fmt.Errorf("%w: %w: %w", ErrNotRestored, signer.ErrUnavailable, err)
		}
		restored = append(restored, kid)
	}
	return learned, restored, nil
}

// ErrNotRestored means that the list was read, and that a kid which it has lost
// could not be put back.
var ErrNotRestored = errors.New("a revoked kid could not be put back on the shared list")

// pollRevoked reads the list each interval until ctx ends. It does not wait for
// Vault: a kid that is revoked while Vault is sealed must go all the same.
func (r *Rings) pollRevoked(ctx context.Context) {
	if r.revoked.list == nil {
		return
	}
	failing := false
	for pause(ctx, Jitter(r.cfg.RefreshInterval)) {
		err := r.syncRevoked(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			r.cfg.Logger.WarnContext(ctx, "the list of revoked kids cannot be read: what is revoked now is not known here until it can", "error", err)
		}
		if err == nil && failing {
			r.cfg.Logger.InfoContext(ctx, "the list of revoked kids is read again")
		}
		failing = err != nil
	}
}

// syncRevoked reads the list once and drops what is on it.
func (r *Rings) syncRevoked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	learned, restored, err := r.revoked.Sync(ctx)
	r.metrics.revokedRead(err, len(restored))
	for _, kid := range restored {
		r.cfg.Logger.WarnContext(ctx, "a revoked kid was not on the shared list, and is put there: it is new in this configuration, or the list was lost", "kid", kid)
	}
	for _, kid := range learned {
		r.cfg.Logger.WarnContext(ctx, "a kid is revoked: it is not published, signs nothing and verifies nothing", "kid", kid)
	}
	if len(learned) > 0 {
		r.rebuild(r.cfg.Now())
	}
	lost := errors.Is(err, ErrNotRestored)
	if !r.notRestored.Swap(lost) && lost {
		r.cfg.Logger.WarnContext(ctx, "replicas that start now may not know a revoked kid: put it into keys.revoked_kids", "error", err)
	}
	if lost {
		return nil // the list itself was read
	}
	return err
}
