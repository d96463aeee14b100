package clients

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/internal/regularfile"
	"signet/internal/strictyaml"
)

// Config says where the registry is and what its entries are judged by.
type Config struct {
	// Path is the YAML file; required.
	Path string
	// Rings maps each ring's name to its max_ttl; nil means that ring and ttl are not checked.
	Rings map[string]time.Duration
	// DefaultRing is the ring of a client that names none, DefaultTTL the life of
	// its tokens if it names none.
	DefaultRing string
	DefaultTTL  time.Duration
	// PollInterval is how often the file is read when nothing announces a change; default 5s.
	PollInterval time.Duration
	// Settle is how long a changed file must stay the same before it counts, so
	// that none is taken half written; default 200ms.
	Settle time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger is told of every reload; default slog.Default().
	Logger *slog.Logger
	// Loaded is told of every file that was read, good or bad; nil means nobody is.
	Loaded func(Loaded)
	// Registerer gets the metrics; nil means none.
	Registerer prometheus.Registerer
}

// Loaded is a clients file that was read.
type Loaded struct {
	// Err is why it does not apply; nil for a good one.
	Err error
	// Clients is how many apply now.
	Clients int
	// Digest is the SHA-256 of the file's contents; of why there are none, if there are none.
	Digest [sha256.Size]byte
}

// Registry is the current set of clients. It is safe for concurrent use.
type Registry struct {
	cfg     Config
	log     *slog.Logger
	current atomic.Pointer[snapshot]
	reloads *prometheus.CounterVec
	stale   prometheus.Gauge

	mu      sync.Mutex // one reload at a time; never held by a lookup
	seen    [sha256.Size]byte
	refused [sha256.Size]byte
	saidAt  time.Time
}

// snapshot is what one good file said. It is never changed.
type snapshot struct {
	clients map[string]*Client
	sum     [sha256.Size]byte
}

// Open reads the file; the error is *Error if it is a bad one.
func Open(c Config) (*Registry, error) {
	c.defaults()
	r := &Registry{cfg: c, log: c.Logger.With("file", c.Path)}
	data, err := read(c.Path)
	if err != nil {
		return nil, fmt.Errorf("opening the client registry: %w", err)
	}
	if err := r.adopt(data); err != nil {
		return nil, fmt.Errorf("opening the client registry: %w", err)
	}
	r.cfg.Loaded(Loaded{Clients: r.Len(), Digest: r.current.Load().sum})
	metrics := promauto.With(c.Registerer)
	r.reloads = metrics.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_clients_reloads_total", Help: "Reloads of the client registry by result (ok, error).",
	}, []string{"result"})
	r.stale = metrics.NewGauge(prometheus.GaugeOpts{
		Name: "signet_clients_stale", Help: "1 while the clients file is bad or unreadable and the last good one applies.",
	})
	r.reloads.WithLabelValues("ok")
	r.reloads.WithLabelValues("error")
	return r, nil
}

func (c *Config) defaults() {
	if c.PollInterval <= 0 {
		c.PollInterval = 5 * time.Second
	}
	if c.Settle <= 0 {
		c.Settle = 200 * time.Millisecond
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Loaded == nil {
		c.Loaded = func(Loaded) {}
	}
}

// nobody stands in for unknown ids, so that they cost what known ones cost.
var nobody = &Client{}

// Authenticate finds the client by id and secret. Unknown id, wrong secret and a
// client without secrets are the same ErrAuthentication, in the same time.
func (r *Registry) Authenticate(id, secret string) (*Client, error) {
	c, known := r.current.Load().clients[id]
	if !known {
		c = nobody
	}
	if matched := c.secrets.match(secret); !matched || !known {
		return nil, ErrAuthentication
	}
	return c, nil
}

// Lookup finds the client by id, without authenticating anybody.
func (r *Registry) Lookup(id string) (*Client, bool) {
	c, ok := r.current.Load().clients[id]
	return c, ok
}

// IDs are the clients' ids, sorted.
func (r *Registry) IDs() []string { return slices.Sorted(maps.Keys(r.current.Load().clients)) }

// Len is how many clients there are.
func (r *Registry) Len() int { return len(r.current.Load().clients) }

// Reload reads the file now. On an error, *Error if the file is a bad one, the
// clients of the last good file stay.
func (r *Registry) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := read(r.cfg.Path)
	return r.apply(data, err)
}

// apply makes data current, or says why not. r.mu is held.
func (r *Registry) apply(data []byte, err error) error {
	sum := fingerprint(data, err)
	r.seen = sum
	if err == nil {
		err = r.adopt(data)
	}
	if err != nil {
		err = fmt.Errorf("reloading the client registry: %w", err)
		r.reloads.WithLabelValues("error").Inc()
		r.stale.Set(1)
		r.refused, r.saidAt = sum, r.cfg.Now()
		r.cfg.Loaded(Loaded{Err: err, Clients: r.Len(), Digest: sum})
		r.log.Error("clients file refused; the clients of the last good one still apply", "error", err)
		return err
	}
	r.reloads.WithLabelValues("ok").Inc()
	r.stale.Set(0)
	r.refused = [sha256.Size]byte{}
	r.cfg.Loaded(Loaded{Clients: r.Len(), Digest: sum})
	r.log.Info("clients loaded", "clients", r.Len())
	return nil
}

// largeFile is from where on, in bytes, reading a file leaves so much behind (some
// eighty times its size) that the memory is given back at once: with few requests
// the garbage collector would keep it for minutes.
const largeFile = 256 << 10

func (r *Registry) adopt(data []byte) error {
	if len(data) >= largeFile {
		defer debug.FreeOSMemory()
	}
	clients, err := parse(r.cfg.Path, data, rules{
		rings: r.cfg.Rings, defaultRing: r.cfg.DefaultRing, defaultTTL: r.cfg.DefaultTTL,
	})
	if err != nil {
		return err
	}
	if len(clients) == 0 {
		r.log.Warn("the clients file lists nobody: no request can be authenticated")
	}
	r.current.Store(&snapshot{clients: clients, sum: fingerprint(data, nil)})
	return nil
}

func read(path string) ([]byte, error) { return regularfile.Read(path, strictyaml.MaxSize) }

// fingerprint tells contents, and errors, apart.
func fingerprint(data []byte, err error) [sha256.Size]byte {
	if err != nil {
		return sha256.Sum256([]byte("error\x00" + err.Error()))
	}
	return sha256.Sum256(data)
}
