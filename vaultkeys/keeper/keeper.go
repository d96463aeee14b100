package keeper

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// Vault is the keeper's own connection to Vault; *vaultapi.Conn fits it.
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
	// Rings are the key rings to keep, with all of their policy: the
	// RefreshInterval and ClockSkew in it are those of the replicas that sign
	// (0 = RefreshInterval below, and 5s).
	Rings []vaultkeys.RingConfig
	// RefreshInterval is the longest time between two rounds; 0 = 10s.
	RefreshInterval time.Duration
	// TrimAfter is how long a version has been retired before it is deleted for
	// good; 0 = never. A version that is trimmed cannot be brought back.
	TrimAfter time.Duration
	// Lease saves work where several keepers run; nil = none, which is as safe.
	Lease Lease
	// FirstSeen remembers times that Vault does not; nil = this process's
	// memory, so that an HS256 version's age begins anew with each keeper.
	FirstSeen FirstSeen
	// MaxTTLs are the replicas' reports; nil = none: every retirement waits for
	// 12h, the hard cap of max_ttl.
	MaxTTLs MaxTTLs
	// Fences is told since when each fence stands, for commands that run once;
	// nil = nobody is. The keeper itself does not rely on it.
	Fences Fences
	// Revoked are the revoked kids; nil = none. A revoked version signs nowhere,
	// so no fence may rise to it.
	Revoked Revoked
	// KIDs are the kids of HS256 versions, which only a signer can learn; nil =
	// none: Revoked is then not asked for those.
	KIDs KIDs
	// Now is the clock, monotonic as time.Now is; nil = time.Now.
	Now func() time.Time
	// Logger takes actions and errors; nil = discard.
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer
}

// The defaults of [Config].
const (
	defaultInterval  = 10 * time.Second
	defaultClockSkew = 5 * time.Second
)

func (c *Config) defaults() {
	if c.RefreshInterval <= 0 {
		c.RefreshInterval = defaultInterval
	}
	if c.FirstSeen == nil {
		c.FirstSeen = &memory{}
	}
	if c.Revoked == nil {
		c.Revoked = vaultkeys.NewRevokedKIDs(nil, nil)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// policy is a ring's policy as the keeper applies it.
func (c *Config) policy(cfg *vaultkeys.RingConfig) lifecycle.Policy {
	p := cfg.EffectivePolicy()
	if p.RefreshInterval <= 0 {
		p.RefreshInterval = c.RefreshInterval
	}
	if p.ClockSkew <= 0 {
		p.ClockSkew = defaultClockSkew
	}
	p.TrimAfter = c.TrimAfter
	return p
}

// Keeper keeps rings. Its methods are for one goroutine at a time, but Ready is
// for any.
type Keeper struct {
	cfg     Config
	rings   []*ring
	shared  *shared
	metrics *metrics
	unread  atomic.Int64 // rings that were not read yet
}

// New returns a keeper that has seen nothing yet: call Run.
func New(cfg Config) *Keeper {
	cfg.defaults()
	k := &Keeper{cfg: cfg, metrics: newMetrics(&cfg)}
	k.shared = &shared{
		lease: cfg.Lease, firstSeen: cfg.FirstSeen, maxTTLs: cfg.MaxTTLs, fences: cfg.Fences, revoked: cfg.Revoked,
		kids: cfg.KIDs, reported: map[string]report{}, metrics: k.metrics, log: onChange{log: cfg.Logger},
	}
	for i := range cfg.Rings {
		k.rings = append(k.rings, newRing(k, &cfg.Rings[i]))
	}
	k.unread.Store(int64(len(k.rings)))
	return k
}

// Ready reports whether every ring was read once since start.
func (k *Keeper) Ready() bool { return k.unread.Load() == 0 }

// Run does a round every interval until ctx ends. No error ends it: what fails
// is logged, counted and tried again. It returns nil.
func (k *Keeper) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		_ = k.Round(ctx) // logs and counts by itself
		select {
		case <-time.After(vaultkeys.Jitter(k.cfg.RefreshInterval)):
		case <-ctx.Done():
		}
	}
	return nil
}

// Round looks at every ring once and does what is due. It is what Run repeats,
// for callers with a clock of their own. The error joins those of all rings;
// one ring's never stops another's.
func (k *Keeper) Round(ctx context.Context) error {
	held := k.shared.hold(ctx)
	unknown := k.shared.syncRevoked(ctx)
	var errs []error
	for _, r := range k.rings {
		if unknown != nil {
			errs = append(errs, r.report(ctx, unknown))
			continue
		}
		errs = append(errs, r.keep(ctx, held))
	}
	return errors.Join(errs...)
}
