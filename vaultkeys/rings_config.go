package vaultkeys

import (
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
)

// RingConfig is one key ring: a transit key and how it is used.
type RingConfig struct {
	// Name is the transit key's name. Required.
	Name string
	// Algorithm is what the ring signs with. Required.
	Algorithm signer.Algorithm
	// RSABits is the size of an RSA ring's keys: 2048, 3072 or 4096. 0 = 2048.
	RSABits int
	// Policy is the ring's timing, as the configuration says it; see
	// [RingConfig.EffectivePolicy].
	Policy lifecycle.Policy
}

// EffectivePolicy is the policy that the ring's algorithm leaves: an HS256 key
// has no public part, so there is nothing to publish and its newest version
// signs at once.
func (c *RingConfig) EffectivePolicy() lifecycle.Policy {
	p := c.Policy
	if c.Algorithm.Symmetric() {
		p.PublishDelay = 0
	}
	return p
}

// staleAfter is the age at which a snapshot is too old to sign by: half the
// publish delay, for within the other half a version that it does not know can
// be published, activated and signed with by others. Without a delay (only
// ever a symmetric ring) a few missed reads are the limit.
func (c *RingConfig) staleAfter() time.Duration {
	if half := c.Policy.PublishDelay / 2; half > 0 {
		return half
	}
	return 6 * c.Policy.RefreshInterval
}

// RingsConfig configures [NewRings].
type RingsConfig struct {
	// Vault is the connection. Required.
	Vault Vault
	// Mount is the transit mount's path; "" = transit.
	Mount string
	// Rings are the key rings, in the order of the JWKS. Names are unique.
	Rings []RingConfig
	// RefreshInterval is the time between two reads of a ring; 0 = 10s.
	RefreshInterval time.Duration
	// JWKSMaxAge is the JWKS's max-age; 0 = 5m.
	JWKSMaxAge time.Duration
	// StaleIfError is the JWKS's stale-if-error; 0 = none.
	StaleIfError time.Duration
	// ClockSkew is how far the local clock may be from Vault's before signing
	// stops; 0 = 5s.
	ClockSkew time.Duration
	// RevokedKIDs are never published, never sign and never verify, whatever
	// Vault says.
	RevokedKIDs []string
	// Revoked are those that were revoked since the configuration was written,
	// read with the rings and first of all; nil = none.
	Revoked RevokedList
	// KIDs are the notes that replicas share; nil = none: a process that starts
	// after an HS256 version was fenced cannot verify its tokens.
	KIDs KIDs
	// Events is told what changes in a ring, and of its alarms; it must not block.
	// nil = nobody is.
	Events func(RingEvent)
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Logger takes alarms and failed reads; nil = slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer
}

func (c *RingsConfig) defaults() {
	if c.RefreshInterval <= 0 {
		c.RefreshInterval = 10 * time.Second
	}
	if c.JWKSMaxAge <= 0 {
		c.JWKSMaxAge = 5 * time.Minute
	}
	if c.ClockSkew <= 0 {
		c.ClockSkew = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Events == nil {
		c.Events = func(RingEvent) {}
	}
	c.Rings = slices.Clone(c.Rings)
	for i := range c.Rings {
		if p := &c.Rings[i].Policy; p.RefreshInterval == 0 {
			p.RefreshInterval = c.RefreshInterval
		}
	}
}
