package config

import (
	"time"

	"signet/internal/strictyaml"
	"signet/signer"
)

// Config is a validated configuration with all defaults filled in. File paths
// are absolute or relative to the working directory.
type Config struct {
	// Issuer is the iss claim, byte for byte.
	Issuer  string
	Listen  Listen
	Ops     Ops
	Vault   Vault
	Rings   []Ring
	Keys    Keys
	Keeper  *Keeper
	Signing Signing
	Redis   Redis
	Tokens  Tokens
	Refresh Refresh
	Clients Clients
	Audit   Audit

	// places says where the violations of CheckSecrets and CheckFiles are in the
	// file at path.
	places map[string]strictyaml.At
	path   string
}

// Listen is the public listener.
type Listen struct {
	// Address is host:port; default ":8080".
	Address string
	// Drain is how long requests are still served after SIGTERM, while /readyz
	// already answers 503; default 5s, 0 means not at all.
	Drain time.Duration
	// TLS is zero for plain HTTP behind a proxy.
	TLS ServerTLS
}

// ServerTLS names the PEM files of a listener: both or neither.
type ServerTLS struct{ Cert, Key string }

// Ops is the listener for health, metrics and status; not for the public.
type Ops struct {
	// Address is host:port; default 127.0.0.1:9090.
	Address string
}

// Vault is where the keys are.
type Vault struct {
	// Address is an https URL, or http if Insecure.
	Address string
	// Namespace is Vault Enterprise's; empty for none.
	Namespace string
	// CACert is a PEM file; empty for the system's roots.
	CACert string
	// TransitMount is the path of the transit engine; default "transit".
	TransitMount string
	Auth         Auth
	// Insecure allows an http address, and nothing else.
	Insecure bool
}

// The ways to log in to Vault.
const (
	AuthToken     = "token"
	AuthTokenFile = "token_file"
	AuthAppRole   = "approle"
)

// Auth is how Signet logs in to Vault. Only the fields of Method are set.
type Auth struct {
	// Method is AuthToken, AuthTokenFile or AuthAppRole.
	Method string
	// Mount is the auth method's path; default "approle" for AuthAppRole.
	Mount                   string
	Token, RoleID, SecretID Secret
	// TokenFile is kept fresh by somebody else, such as Vault Agent, and looked
	// at every two seconds.
	TokenFile string
}

// Ring is one transit key and its policy (docs/configuration.md#rings).
type Ring struct {
	// Name is the transit key's.
	Name string
	// Algorithm is what it signs; default ES256.
	Algorithm signer.Algorithm
	// PublishDelay is from a version's creation to its first signature; default
	// 24h. An HS256 ring publishes nothing and does not use it.
	PublishDelay time.Duration
	// MaxTTL is the longest life of a token; default 1h, at most MaxTTLCap.
	MaxTTL time.Duration
	// RotationPeriod is the age at which a new version is made; default 2160h.
	RotationPeriod time.Duration
	// RetireMargin is added to MaxTTL before an old version is retired; default 5m.
	RetireMargin time.Duration
	// RSABits is 2048 (default), 3072 or 4096 for an RSA algorithm, 0 for others.
	RSABits int
}

// Keys is how key versions are read and published.
type Keys struct {
	// RefreshInterval is how often Vault's key versions are read; default 10s.
	RefreshInterval time.Duration
	// JWKSMaxAge and StaleIfError are the JWKS's Cache-Control; default 5m, 1h.
	JWKSMaxAge, StaleIfError time.Duration
	// ClockSkew is how far clocks may differ; default 5s.
	ClockSkew time.Duration
	// RevokedKIDs are never published and never sign, whatever Vault says.
	RevokedKIDs []string
}

// Keeper is what rotates and retires key versions; nil = nothing does, here.
type Keeper struct {
	// Auth is the keeper's own login, at the same Vault.
	Auth Auth
	// TrimAfter is how long a version has been retired before it is deleted for
	// good; default 0, which is never.
	TrimAfter time.Duration
}

// Signing is the group commit of signatures.
type Signing struct {
	// InFlight is the number of concurrent sign requests for one version of a ring;
	// default 2.
	InFlight int
	// BatchMax is the number of signatures in a request; default 128.
	BatchMax int
	// QueueMax is the number of waiting signatures; default 4096.
	QueueMax int
	// Verify is VerifyOne (default) or VerifyAll signatures of a batch.
	Verify string
}

// How many signatures of Vault's are verified before they leave.
const (
	VerifyOne = "one"
	VerifyAll = "all"
)

// Redis is where the sessions are.
type Redis struct {
	// Addresses are host:port; default 127.0.0.1:6379.
	Addresses []string
	// MasterName makes the addresses Sentinels; Cluster makes them cluster nodes.
	MasterName string
	Cluster    bool
	Username   string
	// Password is zero for none.
	Password Secret
	// SentinelUsername and SentinelPassword are the Sentinels' own; empty and zero
	// for none, as without MasterName.
	SentinelUsername string
	SentinelPassword Secret
	// TLS is nil for none, which needs Insecure.
	TLS      *ClientTLS
	Insecure bool
}

// ClientTLS is how a server is trusted: the system's roots if CACert is empty.
// Cert and Key, both or neither, are this client's own.
type ClientTLS struct{ CACert, Cert, Key, ServerName string }

// Tokens are the access tokens.
type Tokens struct {
	// TTL is a token's life unless the client's policy says otherwise; default 5m.
	TTL time.Duration
}

// Refresh is about refresh tokens and their sessions.
type Refresh struct {
	// MACKey is the transit hmac key behind refresh tokens; default signet-refresh.
	MACKey string
	// Grace is how long a refresh may be repeated; default 30s, 0 means strict:
	// any second use is reuse.
	Grace time.Duration
	// Idle ends a session that is not refreshed, default 168h; Absolute ends any, default 720h.
	Idle, Absolute time.Duration
	// ReplicasAck is how many replicas of Redis must have a revocation before it is
	// confirmed; default 0.
	ReplicasAck int
	// AcceptRollbackUntil lifts the bound on rolled-back sessions after a planned
	// restore of Redis; zero means never.
	AcceptRollbackUntil time.Time
}

// Audit is where the issuance records go. Either Stdout or File is set.
type Audit struct {
	// Stdout writes them to standard output; default true.
	Stdout bool
	// File is appended to; empty for none.
	File string
	// Fsync is when they must be on disk: FsyncAlways, FsyncEverySecond (default)
	// or FsyncNo.
	Fsync string
	// Replica names this process in them; default the host's name.
	Replica string
}

// When issuance records must be on disk.
const (
	FsyncAlways      = "always"
	FsyncEverySecond = "everysec"
	FsyncNo          = "no"
)

// Clients is the client registry.
type Clients struct {
	// File is a YAML file (package clients); default clients.yaml beside the config.
	File string
}
