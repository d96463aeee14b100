package main

import (
	"slices"
	"time"

	"signet/config"
	"signet/vaultkeys/lifecycle"
)

// timing is what a rollover depends on.
type timing struct {
	lifecycle.Policy
	// MaxAge and StaleIfError are the Cache-Control of the JWK set.
	MaxAge, StaleIfError time.Duration
}

func defaults() timing {
	return timing{
		Policy: lifecycle.Policy{
			PublishDelay: config.DefaultPublishDelay, MaxTTL: config.DefaultMaxTTL, RotationPeriod: config.DefaultRotationPeriod,
			RetireMargin: config.DefaultRetireMargin, RefreshInterval: config.DefaultRefreshInterval, ClockSkew: config.DefaultClockSkew,
		},
		MaxAge: config.DefaultJWKSMaxAge, StaleIfError: config.DefaultStaleIfError,
	}
}

// caught is how long a change of the ring takes to reach the last verifier: a
// replica read the ring just before it, and a verifier fetched the set just
// before the replica's next read.
func (t *timing) caught() time.Duration { return t.RefreshInterval + t.MaxAge + t.StaleIfError }

// named are the settings by name, for the formulas.
func (t *timing) named() map[string]time.Duration {
	return map[string]time.Duration{
		"publish_delay": t.PublishDelay, "max_ttl": t.MaxTTL, "rotation_period": t.RotationPeriod, "retire_margin": t.RetireMargin,
		"refresh_interval": t.RefreshInterval, "clock_skew": t.ClockSkew, "jwks_max_age": t.MaxAge, "stale_if_error": t.StaleIfError,
	}
}

// origin is when version 2 is made. Times in the picture are relative to it.
var origin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// answer is what Vault says from a time on.
type answer struct {
	at   time.Duration
	ring lifecycle.Ring
}

// timeline is what Vault says over the rollovers to version 2 and to version 3.
type timeline struct {
	timing
	answers []answer // ascending
}

// run keeps a ring as a keeper does that acts the moment a step is due. It
// starts with version 1, as old as rotation_period, and ends when version 2 is
// retired.
func run(t timing) *timeline {
	ring := lifecycle.Ring{
		Versions: []lifecycle.Version{{Number: 1, CreatedAt: origin.Add(-t.RotationPeriod)}}, MinDecryption: 1, Latest: 1,
	}
	line := &timeline{timing: t, answers: []answer{{-t.RotationPeriod, ring}}}
	seen := lifecycle.Observed{MaxTTL: t.MaxTTL}
	for now := origin; ring.MinDecryption < 3; {
		seen.At = now
		seen.Latest.See(ring.Latest, now)
		seen.Fence.See(ring.MinEncryption, now)
		seen.Retired.See(ring.MinDecryption, now)
		next := earliest(lifecycle.Plan(ring, t.Policy, seen, now))
		if next.Due.After(now) {
			now = next.Due
			continue
		}
		ring = apply(ring, next.Action, now)
		line.answers = append(line.answers, answer{now.Sub(origin), ring})
	}
	return line
}

func earliest(steps []lifecycle.Step) lifecycle.Step {
	first := steps[0]
	for _, s := range steps[1:] {
		if s.Due.Before(first.Due) {
			first = s
		}
	}
	return first
}

// apply is what Vault answers after an action.
func apply(r lifecycle.Ring, a lifecycle.Action, now time.Time) lifecycle.Ring {
	switch a.Kind {
	case lifecycle.Rotate:
		r.Latest++
		r.Versions = append(slices.Clip(r.Versions), lifecycle.Version{Number: r.Latest, CreatedAt: now})
	case lifecycle.Fence:
		r.MinEncryption = a.Version
	case lifecycle.Retire:
		r.MinDecryption = a.Version
		for r.Versions[0].Number < a.Version {
			r.Versions = r.Versions[1:]
		}
	case lifecycle.Trim:
		r.MinAvailable = a.Version
	}
	return r
}

// at is Vault's answer at a time.
func (l *timeline) at(d time.Duration) lifecycle.Ring {
	ring := l.answers[0].ring
	for _, a := range l.answers {
		if a.at <= d {
			ring = a.ring
		}
	}
	return ring
}

// first is when Vault's answer first fits.
func (l *timeline) first(fits func(lifecycle.Ring) bool) time.Duration {
	for _, a := range l.answers {
		if fits(a.ring) {
			return a.at
		}
	}
	return forever
}

// forever is later than all that is drawn.
const forever = time.Duration(1<<63 - 1)

// The times of version v, each relative to origin.
func (l *timeline) made(v int) time.Duration {
	return l.first(func(r lifecycle.Ring) bool { return r.Latest >= v })
}

func (l *timeline) activated(v int) time.Duration {
	if l.made(v) == forever {
		return forever
	}
	at, _ := lifecycle.Activation(l.at(l.made(v)), l.Policy, v)
	return at.Sub(origin)
}

func (l *timeline) fenced(v int) time.Duration {
	return l.first(func(r lifecycle.Ring) bool { return r.MinEncryption > v })
}

func (l *timeline) retired(v int) time.Duration {
	return l.first(func(r lifecycle.Ring) bool { return r.MinDecryption > v })
}

// after adds to a time that may never come.
func after(at, wait time.Duration) time.Duration {
	if at == forever {
		return forever
	}
	return at + wait
}
