package kidusage

import (
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
)

// Keys says which kids exist; *vaultkeys.Rings fits it.
type Keys interface {
	// VerificationKey is the version with that kid, unless it is retired or revoked.
	VerificationKey(kid string) (signer.Key, bool)
}

// Config configures [New].
type Config struct {
	// Keys says which counts may be forgotten. Required.
	Keys Keys
	// Store adds up what all replicas counted; nil = none: only metrics.
	Store Store
	// Interval is the time between two additions to Store; 0 = 10s.
	Interval time.Duration
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Logger takes failures of Store; nil = slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer
}

func (c *Config) defaults() {
	if c.Interval <= 0 {
		c.Interval = 10 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Counter counts. All methods but Run may be called concurrently.
type Counter struct {
	cfg Config

	// counts is by kid. The map is replaced as a whole, and seldom: a ring has a
	// few versions, and each gets its place once.
	counts atomic.Pointer[map[string]*count]
	mu     sync.Mutex // serialises the replacement

	failing bool // whether the last flush failed; Run's
}

// count is what was counted for one kid.
type count struct {
	ring, version, kid string
	public             bool // it has a place in the JWK set

	issued, introspected, fetched atomic.Int64
	// lastIssued and lastIntrospected are Unix times in milliseconds; 0 = never.
	lastIssued, lastIntrospected atomic.Int64

	stored stored // Run's
}

// New returns a counter that has counted nothing: use it, and call Run.
func New(cfg Config) *Counter {
	cfg.defaults()
	c := &Counter{cfg: cfg}
	c.counts.Store(&map[string]*count{})
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(c)
	}
	return c
}

// Issued counts a token that was handed out.
func (c *Counter) Issued(key signer.Key) {
	at := c.of(&key)
	at.issued.Add(1)
	at.lastIssued.Store(c.cfg.Now().UnixMilli())
}

// Introspected counts a token that somebody asked about and whose signature is
// the key's own.
func (c *Counter) Introspected(key signer.Key) {
	at := c.of(&key)
	at.introspected.Add(1)
	at.lastIntrospected.Store(c.cfg.Now().UnixMilli())
}

// Fetched counts one answer with the JWK set, for each key in it.
func (c *Counter) Fetched(keys []signer.Key) {
	for i := range keys {
		c.of(&keys[i]).fetched.Add(1)
	}
}

// of is a key's count. It takes no lock but for a key's first.
func (c *Counter) of(key *signer.Key) *count {
	if at, ok := (*c.counts.Load())[key.KID]; ok {
		return at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := *c.counts.Load()
	if at, ok := old[key.KID]; ok {
		return at
	}
	at := &count{
		ring: key.Ring, version: strconv.Itoa(key.Version), kid: key.KID, public: !key.Algorithm.Symmetric(),
	}
	next := maps.Clone(old)
	next[key.KID] = at
	c.counts.Store(&next)
	return at
}

// forget drops counts. A token of such a key that is being counted just now
// may be lost; Run forgets none before it has been gone for long.
func (c *Counter) forget(gone []*count) {
	if len(gone) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := maps.Clone(*c.counts.Load())
	for _, at := range gone {
		delete(next, at.kid)
	}
	c.counts.Store(&next)
}
