package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"signet/signer"
)

// Rings knows the key versions of all rings, from memory, and keeps that
// memory fresh. It fits signer.Keys. All methods may be called concurrently.
type Rings struct {
	cfg     RingsConfig
	readers []*ringReader // by config order
	byName  map[string]*ringReader
	revoked *RevokedKIDs
	metrics *ringMetrics

	notRestored atomic.Bool // the revoked list lost a kid, and takes none

	mu   sync.Mutex // serialises the replacement of view
	view atomic.Pointer[view]
}

var _ signer.Keys = (*Rings)(nil)

// NewRings returns rings that know nothing yet: call Load, then Run.
func NewRings(cfg RingsConfig) *Rings {
	cfg.defaults()
	r := &Rings{cfg: cfg, byName: map[string]*ringReader{}, revoked: NewRevokedKIDs(cfg.Revoked, cfg.RevokedKIDs)}
	for i := range cfg.Rings {
		reader := newRingReader(r, i)
		r.readers = append(r.readers, reader)
		r.byName[reader.cfg.Name] = reader
	}
	r.view.Store(&view{rings: make([]*snapshot, len(cfg.Rings)), byKID: map[string]published{}})
	r.metrics = newRingMetrics(r, cfg.Registerer)
	return r
}

// Load reads the revoked kids, and then every ring once: nothing is published
// before it is known not to be revoked. [ErrMisconfigured] means that waiting
// will not help: it names every unfit key. Any other error wraps
// signer.ErrUnavailable and is worth a retry.
func (r *Rings) Load(ctx context.Context) error {
	if err := r.syncRevoked(ctx); err != nil {
		return err
	}
	errs := make([]error, len(r.readers))
	var wg sync.WaitGroup
	for i, reader := range r.readers {
		wg.Go(func() { errs[i] = reader.reads.join(ctx) })
	}
	wg.Wait()
	var fatal []error
	for _, err := range errs {
		if errors.Is(err, ErrMisconfigured) {
			fatal = append(fatal, err)
		}
	}
	if len(fatal) > 0 {
		return errors.Join(fatal...)
	}
	if err := errors.Join(errs...); err != nil && !errors.Is(err, signer.ErrUnavailable) {
		return fmt.Errorf("loading key rings: %w: %w", signer.ErrUnavailable, err) // the caller's deadline
	} else if err != nil {
		return err
	}
	return nil
}

// Run reads every ring and the revoked kids again each RefreshInterval until
// ctx ends.
func (r *Rings) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.pollRevoked(ctx) })
	for _, reader := range r.readers {
		wg.Go(func() { reader.poll(ctx) })
	}
	if r.cfg.KIDs != nil {
		wg.Go(func() { newKIDNotes(r).run(ctx) })
	}
	wg.Wait()
	return nil
}

// Ready reports whether every ring was read once since start. It stays true
// while Vault is sealed: the JWKS must go on being served.
func (r *Rings) Ready() bool {
	for _, s := range r.view.Load().rings {
		if s == nil {
			return false
		}
	}
	return true
}

// SigningKey is the version that signs now. It is only ever one that is
// published.
func (r *Rings) SigningKey(ring string) (signer.Key, error) {
	reader, ok := r.byName[ring]
	if !ok {
		return signer.Key{}, fmt.Errorf("ring %q: %w", ring, signer.ErrUnknownRing)
	}
	v := r.view.Load()
	s := v.rings[reader.index]
	if s == nil {
		return signer.Key{}, fmt.Errorf("%w: ring %q has not been read yet", signer.ErrUnavailable, ring)
	}
	now := r.cfg.Now()
	if age, limit := s.age(now), reader.cfg.staleAfter(); age > limit {
		return signer.Key{}, fmt.Errorf("%w: ring %q was last read %v ago, more than %v: others may sign with a version unknown here",
			signer.ErrUnavailable, ring, age.Round(time.Second), limit)
	}
	if s.clockOffset.Abs() > r.cfg.ClockSkew {
		return signer.Key{}, fmt.Errorf("%w: the local clock differs from Vault's by %v or more, the limit is %v",
			signer.ErrUnavailable, s.clockOffset, r.cfg.ClockSkew)
	}
	key, ok := s.signing(now)
	if !ok {
		return signer.Key{}, fmt.Errorf("%w: ring %q: %w", signer.ErrUnavailable, ring, signer.ErrNoVersion)
	}
	if p, ok := v.byKID[key.KID]; !ok || p.key.Ring != ring {
		return signer.Key{}, fmt.Errorf("%w: ring %q version %d is also a key of another ring", signer.ErrUnavailable, ring, key.Version)
	}
	return key, nil
}

// VerificationKey is the version with that kid, in whichever ring, if it is
// neither retired nor revoked.
func (r *Rings) VerificationKey(kid string) (signer.Key, bool) {
	p, ok := r.view.Load().byKID[kid]
	if !ok || !p.at(r.cfg.Now()) {
		return signer.Key{}, false
	}
	return p.key, true
}

// Refresh reads one ring again now: what Vault shows after this call began, or
// was showing while it ran, is known when it returns. Many callers share a
// read, and reads of one ring keep a floor between them.
func (r *Rings) Refresh(ctx context.Context, ring string) error {
	reader, ok := r.byName[ring]
	if !ok {
		return fmt.Errorf("ring %q: %w", ring, signer.ErrUnknownRing)
	}
	return reader.reads.join(ctx)
}

// RefreshTo reads again every ring whose last read began before at: an unknown
// kid on a younger token may be a version that another replica saw earlier. It
// costs at most one read a ring and floor, however many kids are made up. An
// error means that some ring could not be read; one whose key is gone or unfit
// was, and has no new version to offer.
func (r *Rings) RefreshTo(ctx context.Context, at time.Time) error {
	rings := r.view.Load().rings
	errs := make([]error, len(r.readers))
	var wg sync.WaitGroup
	for i, reader := range r.readers {
		if s := rings[i]; s == nil || s.readAt.Before(at) {
			wg.Go(func() {
				if err := reader.reads.fresh(ctx); !errors.Is(err, ErrMisconfigured) {
					errs[i] = err
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// publish replaces one ring's snapshot and everything that follows from it.
func (r *Rings) publish(index int, s *snapshot, now time.Time) ([]signer.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rings := slices.Clone(r.view.Load().rings)
	rings[index] = s.settled(r.revoked.Has)
	v, duplicates, err := buildView(r.cfg.Rings, rings, r.revoked.Has, now)
	if err != nil {
		return nil, err // keep what is served
	}
	r.view.Store(v)
	return duplicates, nil
}

// rebuild works the view out again because time, or a revocation, has changed it.
func (r *Rings) rebuild(now time.Time) *view {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.view.Load()
	rings := make([]*snapshot, len(old.rings))
	for i, s := range old.rings {
		if s != nil {
			rings[i] = s.settled(r.revoked.Has)
		}
	}
	v, _, err := buildView(r.cfg.Rings, rings, r.revoked.Has, now)
	if err != nil {
		r.cfg.Logger.Error("rendering the JWK set", "error", err)
		return old
	}
	r.view.Store(v)
	return v
}
