package main

import (
	"fmt"
	"strings"
	"time"

	"signet/internal/strictyaml"
)

// mark is an event of a rollover.
type mark struct {
	at        time.Duration // relative to origin
	who, what string
	// from is the number of an earlier event, and waits are the settings whose
	// sum has passed since then.
	from  int
	waits []string
}

// marks are the events of the rollover to version v, in their order: the first
// is number 1.
func (l *timeline) marks(v int) []mark {
	old := v - 1
	caught := []string{"refresh_interval", "jwks_max_age", "stale_if_error"}
	return []mark{
		{l.made(v), "keeper", "rotate: the new version is published", 0, nil},
		{l.made(v) + l.caught(), "verifiers", "every copy of the JWK set holds it", 1, caught},
		{l.activated(v), "replicas", "sign with it, each by its own clock", 1, []string{"publish_delay"}},
		{l.fenced(old), "keeper", "fence: min_encryption_version rises", 3, []string{"refresh_interval", "clock_skew"}},
		{l.fenced(old) + l.MaxTTL, "tokens", "the last one of the old version ends", 4, []string{"max_ttl"}},
		{l.retired(old), "keeper", "retire: min_decryption_version rises", 5, []string{"retire_margin"}},
		{l.retired(old) + l.caught(), "verifiers", "no copy holds the old version", 6, caught},
	}
}

// formula is how a mark's time follows from an earlier one's.
func (m *mark) formula() string {
	if m.from == 0 {
		return ""
	}
	return fmt.Sprintf("(%d) + %s", m.from, strings.Join(m.waits, " + "))
}

// clock is a time relative to the rotation: 0, +24h0m15s.
func clock(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return "+" + strictyaml.Compact(d)
}
