package httpapi

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/audit"
	"signet/clients"
	"signet/issuer"
	"signet/refresh"
	"signet/signer"
)

// Tokens are the use cases that give a token; *issuer.Issuer is one.
type Tokens interface {
	ClientCredentials(ctx context.Context, client *clients.Client, r issuer.ClientCredentialsRequest) (*issuer.Response, error)
	Refresh(ctx context.Context, client *clients.Client, r issuer.RefreshRequest) (*issuer.Response, error)
	Issue(ctx context.Context, client *clients.Client, r issuer.IssueRequest) (*issuer.Response, error)
	IssueList(ctx context.Context, client *clients.Client, list issuer.List) ([]issuer.IssueResult, error)
}

// Status are the use cases about a token that exists; *issuer.Issuer is one.
type Status interface {
	Revoke(ctx context.Context, client *clients.Client, token string) error
	Introspect(ctx context.Context, client *clients.Client, token string) (*issuer.Introspection, error)
}

// Sessions are the use cases about sessions; *issuer.Issuer is one.
type Sessions interface {
	ListSessions(ctx context.Context, client *clients.Client, r refresh.ListRequest) (sessions []refresh.Session, next string, err error)
	EndSession(ctx context.Context, client *clients.Client, sid string) (n int, err error)
	EndSessions(ctx context.Context, client *clients.Client, o refresh.Owner) (n int, err error)
}

// Authenticator finds a client by its id and secret; *clients.Registry is one.
type Authenticator interface {
	Authenticate(id, secret string) (*clients.Client, error)
}

// Journal takes records; *journal.Journal is one. It must not block for long.
type Journal interface {
	Note(r audit.Record)
}

// KeySet is the JWK set to serve now.
type KeySet struct {
	// Body is the JSON, ETag its strong entity tag with quotes.
	Body []byte
	ETag string
	// Keys are those in Body.
	Keys []signer.Key
	// MaxAge and StaleIfError are how long it may be cached.
	MaxAge, StaleIfError time.Duration
	// Loaded is false as long as there is nothing to serve.
	Loaded bool
}

// Alarm is an alarming condition of a key ring. Version is 0, and KID empty,
// where it is about the ring as a whole.
type Alarm struct {
	Ring    string    `json:"ring"`
	Kind    string    `json:"kind"`
	Version int       `json:"version,omitempty"`
	KID     string    `json:"kid,omitempty"`
	Since   time.Time `json:"since"`
}

// Config makes a Server.
type Config struct {
	// Issuer is the issuer identifier, byte for byte (RFC 8414 section 2); required.
	Issuer string
	// Tokens, Status, Sessions, Clients and Keys are required for Public.
	Tokens   Tokens
	Status   Status
	Sessions Sessions
	Clients  Authenticator
	Keys     func() KeySet
	// Fetched is told of the keys in each JWK set that a verifier got, or has
	// already. It must not block; nil means nobody is told.
	Fetched func(keys []signer.Key)
	// Algorithms are the JWS algorithms of the JWK set, for the metadata.
	Algorithms []string
	// Ready says whether the keys were read once since start; required.
	Ready func() bool
	// Alarms are the alarming conditions of key rings that hold now, for whoever
	// reads /readyz; nil means none.
	Alarms func() []Alarm
	// Signing is each key ring's last canary, nil for a success. Without it there
	// is no /readyz/sign.
	Signing func() map[string]error
	// Rings are the names that Signing must know before /readyz/sign is 200.
	Rings []string
	// Journal keeps records of refusals and of failed authentications; nil means
	// nobody does.
	Journal Journal
	// Deadline ends every request; default 3s.
	Deadline time.Duration
	// Logger; default slog.Default().
	Logger *slog.Logger
	// Registerer gets the metrics; nil means none. Gatherer serves /metrics; nil
	// means an empty page.
	Registerer prometheus.Registerer
	Gatherer   prometheus.Gatherer
}

func (c *Config) defaults() {
	if c.Deadline == 0 {
		c.Deadline = 3 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Alarms == nil {
		c.Alarms = func() []Alarm { return nil }
	}
	if c.Fetched == nil {
		c.Fetched = func([]signer.Key) {}
	}
	if c.Gatherer == nil {
		c.Gatherer = prometheus.NewRegistry()
	}
}

// basePath is the path of the issuer, without a slash at its end: where a proxy
// passes the whole path on, the endpoints are found below it as well.
func (c *Config) basePath() string {
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return "" // config has checked it
	}
	return strings.TrimRight(routePath(u), "/")
}

// routePath is the path as echo's router sees it: decoded, unless decoding
// would lose something.
func routePath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.Path
}
