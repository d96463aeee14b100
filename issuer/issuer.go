package issuer

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// Signer makes and checks access tokens; *signer.Signer is one.
type Signer interface {
	Sign(ctx context.Context, ring string, claims signer.Claims, origin signer.Origin) (signer.Token, error)
	VerifyFor(ctx context.Context, token string, by signer.Asker) (signer.Token, error)
}

// Refresher makes and exchanges refresh tokens; *refresh.Store is one.
type Refresher interface {
	Create(ctx context.Context, family refresh.Family, session refresh.Session) (string, refresh.Session, error)
	Check(ctx context.Context, token, clientID, sender string) (*refresh.Attempt, error)
	Commit(ctx context.Context, a *refresh.Attempt) (string, refresh.Session, error)
}

// Sessions knows which tokens of sessions go on, and ends them; *refresh.Store is one.
type Sessions interface {
	Inspect(ctx context.Context, token string) (refresh.Session, error)
	Denied(ctx context.Context, t refresh.AccessToken) (bool, error)
	RevokeToken(ctx context.Context, token, clientID string) (sid string, err error)
}

// Directory finds sessions by whose they are, and ends them; *refresh.Store is one.
type Directory interface {
	List(ctx context.Context, r refresh.ListRequest) (sessions []refresh.Session, next string, err error)
	Revoke(ctx context.Context, sid, clientID string) (ended bool, err error)
	RevokeAll(ctx context.Context, o refresh.Owner) (n int, err error)
}

// Denylist holds single access tokens that were revoked before their exp;
// *sharedstate.Denylist is one.
type Denylist interface {
	Deny(ctx context.Context, jti string, life time.Duration) error
	Denied(ctx context.Context, jti string) (bool, error)
}

// Registry finds a client by id; *clients.Registry is one.
type Registry interface {
	Lookup(id string) (*clients.Client, bool)
}

// Usage is told which keys are still met; *kidusage.Counter is one. It must not
// block.
type Usage interface {
	// Issued: a token of that key was handed out.
	Issued(key signer.Key)
	// Introspected: somebody asked about a token that the key has signed.
	Introspected(key signer.Key)
}

type noUsage struct{}

func (noUsage) Issued(signer.Key)       {}
func (noUsage) Introspected(signer.Key) {}

// Config makes an Issuer.
type Config struct {
	// Signer, Refresher, Sessions, Directory, Denylist and Clients are required.
	Signer    Signer
	Refresher Refresher
	Sessions  Sessions
	Directory Directory
	Denylist  Denylist
	Clients   Registry
	// Rings maps the name of each key ring to its max_ttl, the longest life of
	// any token that it signs; required.
	Rings map[string]time.Duration
	// DefaultRing signs for clients whose policy names no ring; required.
	DefaultRing string
	// DefaultTTL is the life of a token whose client's policy names none; default 5m.
	DefaultTTL time.Duration
	// ListWidth is how many tokens of one list are being made at once; default
	// 256, which fill two requests to Vault.
	ListWidth int
	// SessionLife is refresh.absolute, the longest life of a session; default 720h.
	SessionLife time.Duration
	// ClockSkew is how far a clock may be off: a denial is kept three times that
	// longer than its token.
	ClockSkew time.Duration
	// Ready reports whether the public keys are known. Until then nothing can be
	// said about an access token, not even that it is no token of ours; nil
	// means that they always are.
	Ready func() bool
	// Usage counts by key; nil means nobody does.
	Usage Usage
	// Journal keeps records of revocations and of tokens that were withheld; nil
	// means that nobody does. Signatures are recorded where they are asked for.
	Journal Journal
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Rand makes token ids and sessions; default crypto/rand.Reader.
	Rand io.Reader
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
}

// Issuer carries out the use cases. It is safe for concurrent use.
type Issuer struct {
	cfg     Config
	metrics *metrics
}

// New makes an Issuer.
func New(c Config) *Issuer {
	c.defaults()
	return &Issuer{cfg: c, metrics: newMetrics(c.Registerer)}
}

func (c *Config) defaults() {
	if c.DefaultTTL == 0 {
		c.DefaultTTL = 5 * time.Minute
	}
	if c.ListWidth == 0 {
		c.ListWidth = 256
	}
	if c.SessionLife == 0 {
		c.SessionLife = 720 * time.Hour
	}
	if c.Ready == nil {
		c.Ready = func() bool { return true }
	}
	if c.Usage == nil {
		c.Usage = noUsage{}
	}
	if c.Journal == nil {
		c.Journal = noJournal{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
}

// Response is the answer of every use case that gives a token (RFC 6749 section 5.1).
type Response struct {
	AccessToken, TokenType string
	// ExpiresIn is computed from the token's exp.
	ExpiresIn time.Duration
	// Scope of the access token; empty for none.
	Scope string
	// RefreshToken is empty where none is given. RefreshExpiresIn is until the
	// session ends if it is not refreshed.
	RefreshToken     string
	RefreshExpiresIn time.Duration
}

const bearer = "Bearer" // RFC 6750

func respond(token signer.Token) *Response {
	return &Response{
		AccessToken: token.Compact,
		TokenType:   bearer,
		ExpiresIn:   time.Duration(token.Claims.Expiry.Unix()-token.Claims.IssuedAt.Unix()) * time.Second,
		Scope:       token.Claims.Scope,
	}
}
