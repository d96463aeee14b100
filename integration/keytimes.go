package integration

import (
	"fmt"
	"strings"
	"time"
)

// KeyTimes are the key times of a test's configuration, all of them to be
// given: what each is and how short it may be is in docs/configuration.md#guards.
type KeyTimes struct {
	PublishDelay, MaxTTL, RotationPeriod, RetireMargin   time.Duration // of every ring
	RefreshInterval, JWKSMaxAge, StaleIfError, ClockSkew time.Duration
	// TTL is tokens.ttl; 0 means Signet's default.
	TTL time.Duration
}

// The key times of a stack that asks for none: as short as the guards
// (docs/configuration.md#guards) allow, so that a rotation can be watched.
const (
	RefreshInterval = 200 * time.Millisecond
	PublishDelay    = 5 * time.Second
)

var defaultTimes = KeyTimes{
	PublishDelay: PublishDelay, MaxTTL: 10 * time.Minute, RotationPeriod: 24 * time.Hour, RetireMargin: 6 * time.Second,
	RefreshInterval: RefreshInterval, JWKSMaxAge: time.Second, StaleIfError: time.Second, ClockSkew: time.Second,
}

// ring is what each ring says of them.
func (k *KeyTimes) ring() string {
	return fmt.Sprintf("publish_delay: %s, max_ttl: %s, rotation_period: %s, retire_margin: %s",
		k.PublishDelay, k.MaxTTL, k.RotationPeriod, k.RetireMargin)
}

// sections are the sections of the configuration that say the rest.
func (k *KeyTimes) sections(revoked []string) string {
	keys := fmt.Sprintf("keys: {refresh_interval: %s, jwks_max_age: %s, stale_if_error: %s, clock_skew: %s, revoked_kids: [%s]}\n",
		k.RefreshInterval, k.JWKSMaxAge, k.StaleIfError, k.ClockSkew, strings.Join(revoked, ", "))
	if k.TTL > 0 {
		keys += fmt.Sprintf("tokens: {ttl: %s}\n", k.TTL)
	}
	return keys
}
