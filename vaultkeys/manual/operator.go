package manual

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/vaultkeys"
)

// Vault is the operator's own connection to Vault; *vaultapi.Conn fits it.
type Vault interface {
	vaultkeys.Reader
	vaultkeys.Writer
}

// Config configures [New].
type Config struct {
	// Vault is the connection. Required.
	Vault Vault
	// Mount is the transit mount's path; "" = transit.
	Mount string
	// Rings are the key rings with all of their policy. Required.
	Rings []vaultkeys.RingConfig
	// RevokedKIDs are the configuration's, beside those of Shared.Revoked.
	RevokedKIDs []string
	// Shared is what replicas and keepers share.
	Shared Shared
	// ReadOnly keeps looks from writing to Shared: what this Vault shows is not the
	// one's that replicas use. A revocation still writes the revoked list.
	ReadOnly bool
	// Patience bounds how long a revocation is tried, and how long the effect of
	// a write is waited for; 0 = 1m.
	Patience time.Duration
	// Pause waits between two looks; nil = for real.
	Pause func(ctx context.Context, d time.Duration) error
	// Now is the clock, used only where Vault's answer has no Date; nil = time.Now.
	Now func() time.Time
	// Did is told of each write when it is done; nil = nobody.
	Did func(Step)
	// Logger takes each write, and the public keys that Vault lists no longer
	// after it; nil = discard.
	Logger *slog.Logger
}

// The defaults of [Config].
const (
	defaultPatience = time.Minute
	pauseBetween    = 500 * time.Millisecond
)

func (c *Config) defaults() {
	if c.Patience <= 0 {
		c.Patience = defaultPatience
	}
	if c.Pause == nil {
		c.Pause = pause
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Did == nil {
		c.Did = func(Step) {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait pauses before another look; its error says why there is none.
func (o *Operator) wait(ctx context.Context) error {
	err := o.cfg.Pause(ctx, pauseBetween)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w of %v", ErrUnsettled, o.cfg.Patience)
	}
	return err
}

var (
	// ErrChoice means that what was asked for does not exist or cannot be meant.
	ErrChoice = errors.New("that cannot be meant")
	// ErrRefused means that a plan must not be done without force.
	ErrRefused = errors.New("refused")
	// ErrChanged means that somebody else changed the ring since the plan.
	ErrChanged = errors.New("the ring changed since the plan was made: look at the new plan")
	// ErrUnsettled means that the time is up and Vault does not show what was
	// written, or does not let it stand.
	ErrUnsettled = errors.New("not done within the time")
)

// Operator does an operator's steps. Its methods are for one goroutine at a time.
type Operator struct {
	cfg   Config
	paths vaultkeys.Paths
}

// New returns an Operator; nothing is asked before its first method.
func New(cfg Config) *Operator {
	cfg.defaults()
	if cfg.ReadOnly { // their times are those of the other Vault
		cfg.Shared.Fences, cfg.Shared.FirstSeen = nil, nil
	}
	return &Operator{cfg: cfg, paths: vaultkeys.Paths{Mount: cfg.Mount}}
}

// ring is a ring of the configuration; the only one if name is empty.
func (o *Operator) ring(name string) (*vaultkeys.RingConfig, error) {
	names := make([]string, 0, len(o.cfg.Rings))
	for i := range o.cfg.Rings {
		if o.cfg.Rings[i].Name == name || name == "" && len(o.cfg.Rings) == 1 {
			return &o.cfg.Rings[i], nil
		}
		names = append(names, o.cfg.Rings[i].Name)
	}
	if name == "" {
		return nil, fmt.Errorf("%w: the configuration has several rings, name one of %q", ErrChoice, names)
	}
	return nil, fmt.Errorf("%w: the configuration has no ring %q, but %q", ErrChoice, name, names)
}
