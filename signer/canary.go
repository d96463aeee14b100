package signer

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// errNotTried stands for the result of a ring before its first canary.
var errNotTried = errors.New("no canary has run yet")

// CanaryConfig makes a Canary.
type CanaryConfig struct {
	// Keys and Backend are required.
	Keys    Keys
	Backend Backend
	// Rings to prove; required.
	Rings []string
	// Interval between canaries of a healthy ring, jittered by a quarter either
	// way; default 10s. A failing ring is tried about every second.
	Interval time.Duration
	// Timeout of one canary; default 2s.
	Timeout time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger; default slog.Default().
	Logger *slog.Logger
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
}

func (c *CanaryConfig) defaults() {
	if c.Interval <= 0 {
		c.Interval = 10 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Canary proves for each ring that a signature can be made now: the key
// holder's own health endpoint stays green while its audit device blocks every
// request. It feeds readiness and an alarm, and is the [Breaker] in front of
// signing.
type Canary struct {
	cfg     CanaryConfig
	metrics canaryMetrics
	wake    map[string]chan struct{}

	mu      sync.Mutex
	results map[string]error
}

var _ Breaker = (*Canary)(nil)

// NewCanary makes a Canary; nothing runs before Run.
func NewCanary(cfg CanaryConfig) *Canary {
	cfg.defaults()
	c := &Canary{
		cfg: cfg, metrics: newCanaryMetrics(cfg.Registerer),
		wake: make(map[string]chan struct{}, len(cfg.Rings)), results: make(map[string]error, len(cfg.Rings)),
	}
	for _, ring := range cfg.Rings {
		c.wake[ring] = make(chan struct{}, 1)
		c.results[ring] = errNotTried
	}
	return c
}

// Run tries every ring, each on its own so that a stuck one delays no other,
// until ctx ends.
func (c *Canary) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, ring := range c.cfg.Rings {
		group.Go(func() { c.watch(ctx, ring) })
	}
	group.Wait()
	return ctx.Err()
}

// Err is the breaker: not nil while the ring's last canary failed. Before the
// first one it is nil, for nothing is known against the ring.
func (c *Canary) Err(ring string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.results[ring]; err != nil && !errors.Is(err, errNotTried) {
		return err
	}
	return nil
}

// Status is the last result of every ring that was tried, nil for a success.
func (c *Canary) Status() map[string]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	tried := maps.Clone(c.results)
	maps.DeleteFunc(tried, func(_ string, err error) bool { return errors.Is(err, errNotTried) })
	return tried
}

// Suspect asks for a canary now, because a real signature has just failed. It
// never blocks; while the ring is already known to fail it changes nothing.
func (c *Canary) Suspect(ring string) {
	if c.Err(ring) != nil {
		return
	}
	select {
	case c.wake[ring] <- struct{}{}:
	default: // one is wanted already, or the ring is unknown (a nil channel)
	}
}

func (c *Canary) watch(ctx context.Context, ring string) {
	for {
		err := c.try(ctx, ring)
		if ctx.Err() != nil {
			return // the failure is ours
		}
		c.record(ctx, ring, err)
		pause := c.cfg.Interval
		if c.Err(ring) != nil {
			pause = min(time.Second, c.cfg.Interval)
		}
		timer := time.NewTimer(jitter(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.wake[ring]:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// try makes and checks one signature. A version refused is no failure: the ring
// is read again and the new version tried, as Sign does.
func (c *Canary) try(ctx context.Context, ring string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	err := c.signOnce(ctx, ring)
	if errors.Is(err, ErrVersionRefused) {
		if err := c.cfg.Keys.Refresh(ctx, ring); err != nil {
			return fmt.Errorf("reading %s again: %w", ring, err)
		}
		err = c.signOnce(ctx, ring)
	}
	return err
}

func (c *Canary) signOnce(ctx context.Context, ring string) error {
	key, err := choose(ctx, c.cfg.Keys, ring)
	if err != nil {
		return err
	}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return fmt.Errorf("drawing a nonce: %w", err)
	}
	// Spaces and no dot: whoever gets hold of this signature has not got a JWS.
	input := []byte("signet canary " + hex.EncodeToString(nonce))
	req := Request{Key: key, Input: input, Reference: "canary-" + hex.EncodeToString(nonce)}
	sig, err := c.cfg.Backend.Sign(ctx, req)
	if err != nil {
		return fmt.Errorf("signing a canary with %s version %d: %w", ring, key.Version, err)
	}
	if !key.Algorithm.Symmetric() {
		if err := CheckSignature(key, input, sig); err != nil {
			return fmt.Errorf("checking a canary of %s version %d: %w", ring, key.Version, err)
		}
		return nil
	}
	ok, err := c.cfg.Backend.VerifyMAC(ctx, req, sig)
	if err == nil && !ok {
		err = errSignature
	}
	if err != nil {
		return fmt.Errorf("checking a canary of %s version %d: %w", ring, key.Version, err)
	}
	return nil
}

func (c *Canary) record(ctx context.Context, ring string, err error) {
	if errors.Is(err, ErrOverloaded) {
		// A full queue, or one that moved on without the canary, says that signing
		// works and is wanted; it sheds by itself.
		c.metrics.count(ring, "overloaded")
		return
	}
	if err != nil && !errors.Is(err, ErrUnavailable) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	c.mu.Lock()
	before := c.results[ring]
	c.results[ring] = err
	c.mu.Unlock()
	if err != nil {
		c.metrics.failed(ring)
		if before == nil || errors.Is(before, errNotTried) {
			c.cfg.Logger.ErrorContext(ctx, "canary failed: signing is refused until one succeeds", "ring", ring, "error", err)
		}
		return
	}
	c.metrics.succeeded(ring, c.cfg.Now())
	if before != nil && !errors.Is(before, errNotTried) {
		c.cfg.Logger.InfoContext(ctx, "canary succeeded: signing again", "ring", ring)
	}
}

// jitter spreads d by a quarter either way, drawn anew each time, so that the
// replicas of a deployment do not beat together.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + mathrand.N(d/2+1) //nolint:gosec // G404: spreading load needs no secrecy
}
