package vaultapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

// Meta is what is known of an answer besides its data.
type Meta struct {
	// RequestID is Vault's, as in its audit log; empty if it sent none.
	RequestID string
	// Date is Vault's clock (its Date header, whole seconds); zero if absent.
	Date time.Time
}

// Config makes a Conn.
type Config struct {
	// Address of Vault, as https://vault.example.com:8200; required.
	Address string
	// Namespace (Vault Enterprise); default none.
	Namespace string
	// CACert is a PEM file of the only CAs to trust; default the system's.
	CACert string
	// Login says where the token comes from; required.
	Login Login
	// Timeout of one HTTP request; default 2s.
	Timeout time.Duration
	// MaxConns bounds the connections to Vault, busy and idle; default 16.
	MaxConns int
	// RevokeAtEnd makes Run revoke the token at its end, if it came from
	// AppRole: whatever still uses the connection then has to log in again.
	RevokeAtEnd bool
	// Logger; default slog.Default().
	Logger *slog.Logger
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
}

func (c *Config) defaults() {
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 16
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Conn is a client of Vault with one login, over up to MaxConns connections. It
// may be used by many goroutines at once.
type Conn struct {
	base        *url.URL
	namespace   string
	transport   http.RoundTripper
	login       Login
	timeout     time.Duration
	revokeAtEnd bool
	log         *slog.Logger
	metrics     *metrics
	loginRate   *rate.Limiter
	wake        chan struct{} // tells Run of a finished login
	logins      atomic.Uint64

	mu           sync.Mutex
	current      *session // nil: no token
	flight       *flight  // the login under way, nil without one
	lastToken    string
	failures     int       // failed logins in a row
	notBefore    time.Time // no login before
	lastErr      error     // of the last login
	refused      bool      // and trying it again will not help
	refusedPrint fingerprint
}

var (
	errNoLogin   = errors.New("a login is required")
	errNamespace = errors.New("vault namespace: blanks or control characters")
)

// New makes a Conn; nothing is sent before the first request or Run.
func New(cfg Config) (*Conn, error) {
	base, err := parseAddress(cfg.Address)
	if err != nil {
		return nil, err
	}
	if cfg.Login == nil {
		return nil, errNoLogin
	}
	if cfg.Namespace != "" && checkCredential(cfg.Namespace) != nil {
		return nil, errNamespace
	}
	cfg.defaults()
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	c := &Conn{
		base: base, namespace: cfg.Namespace, transport: transport, login: cfg.Login, timeout: cfg.Timeout,
		revokeAtEnd: cfg.RevokeAtEnd, log: cfg.Logger,
		loginRate: rate.NewLimiter(rate.Every(time.Second), 5), wake: make(chan struct{}, 1),
	}
	c.metrics = newMetrics(cfg.Registerer, c.tokenSeconds)
	return c, nil
}

// Read gets path and decodes the answer's data into out, a pointer to a
// struct; nil ignores it. Nothing stored there is ErrNotFound.
func (c *Conn) Read(ctx context.Context, path string, out any) (Meta, error) {
	return c.request(ctx, call{op: "read", method: http.MethodGet, path: path, out: out})
}

// Write posts in as JSON to path and decodes the answer's data into out; nil
// for in sends no body, nil for out ignores the data.
func (c *Conn) Write(ctx context.Context, path string, in, out any) (Meta, error) {
	return c.request(ctx, call{op: "write", method: http.MethodPost, path: path, in: in, out: out})
}

// Delete deletes path.
func (c *Conn) Delete(ctx context.Context, path string) (Meta, error) {
	return c.request(ctx, call{op: "delete", method: http.MethodDelete, path: path})
}

// Logins counts the successful logins: a change means a new token.
func (c *Conn) Logins() uint64 { return c.logins.Load() }

// request sends k with a token. A token that Vault calls invalid is replaced by
// one login for all who found out, and the request is sent once more; a policy's
// refusal is not, for a new token would have the same policy.
func (c *Conn) request(ctx context.Context, k call) (Meta, error) {
	s, err := c.session(ctx, "")
	if err != nil {
		return Meta{}, err
	}
	k.token = s.token
	meta, _, err := c.do(ctx, k)
	if !errors.Is(err, ErrTokenInvalid) {
		return meta, err
	}
	if s, err = c.session(ctx, s.token); err != nil {
		return meta, err
	}
	k.token = s.token
	meta, _, err = c.do(ctx, k)
	return meta, err
}
