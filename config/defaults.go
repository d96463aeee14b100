package config

import (
	"time"

	"signet/vaultkeys/lifecycle"
)

// The defaults of docs/configuration.md, for whoever documents or generates a file.
const (
	DefaultListenAddress = ":8080"
	DefaultOpsAddress    = "127.0.0.1:9090"
	DefaultDrain         = 5 * time.Second
	DefaultTransitMount  = "transit"
	DefaultRedisAddress  = "127.0.0.1:6379"
	DefaultClientsFile   = "clients.yaml"
	DefaultMACKey        = "signet-refresh"

	DefaultTTL             = 5 * time.Minute
	DefaultMaxTTL          = time.Hour
	DefaultPublishDelay    = 24 * time.Hour
	DefaultRotationPeriod  = 2160 * time.Hour
	DefaultRetireMargin    = 5 * time.Minute
	DefaultRefreshInterval = 10 * time.Second
	DefaultJWKSMaxAge      = 5 * time.Minute
	DefaultStaleIfError    = time.Hour
	DefaultClockSkew       = 5 * time.Second
	DefaultGrace           = 30 * time.Second
	DefaultIdle            = 168 * time.Hour
	DefaultAbsolute        = 720 * time.Hour

	DefaultInFlight = 2
	DefaultBatchMax = 128
	DefaultQueueMax = 4096
)

// Limits that no file can lift.
const (
	// RequestDeadline ends every request. A token may be signed that long after
	// its key version was chosen, so retirement waits for it.
	RequestDeadline = 3 * time.Second
	// MaxTTLCap bounds an access token's life: keepers rely on it.
	MaxTTLCap = lifecycle.UnknownMaxTTL
	// RotationPeriodCap is two years.
	RotationPeriodCap = lifecycle.Cryptoperiod
	// sessionCap is ten years: a bound for the arithmetic, not advice.
	sessionCap = 87600 * time.Hour
)
