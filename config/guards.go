package config

import (
	"fmt"
	"time"

	"signet/internal/strictyaml"
)

// guards refuses what is well-formed and would still break: the rules
// of docs/configuration.md#guards over several fields, with the value that would be right.
func (l *loader) guards(c *Config) {
	for i, m := range l.rings {
		l.publishGuards(m, c.Rings[i], c.Keys)
		l.lifetimeGuards(m, c.Rings[i], c)
	}
	l.sessionGuards(c)
	l.nameGuards(c)
	l.identityGuard(c)
}

// guard is one rule: it must hold, or field is refused. It is not judged if one
// of the fields it reads has no readable value.
type guard struct {
	holds   bool
	m       *strictyaml.Map
	field   string
	reads   []string
	problem string
	remedy  string
}

func (l *loader) apply(guards ...guard) {
	for _, g := range guards {
		if !g.holds && l.doc.Readable(append(g.reads, g.m.At(g.field).Field)...) {
			g.m.Refuse(g.field, g.problem, g.remedy)
		}
	}
}

// publishGuards: a verifier that fetched the JWKS just before a rotation must
// have the new key before anything is signed with it.
func (l *loader) publishGuards(m *strictyaml.Map, r Ring, k Keys) {
	if r.Algorithm.Symmetric() {
		return // nothing is published
	}
	least := k.JWKSMaxAge + k.StaleIfError + k.RefreshInterval + 2*k.ClockSkew
	l.apply(guard{
		holds: r.PublishDelay >= least, m: m, field: "publish_delay",
		reads: []string{"keys.jwks_max_age", "keys.stale_if_error", "keys.refresh_interval", "keys.clock_skew"},
		problem: fmt.Sprintf("%s is shorter than a verifier may keep an old key set: jwks_max_age %s + stale_if_error %s + refresh_interval %s + 2 * clock_skew %s = %s",
			dur(r.PublishDelay), dur(k.JWKSMaxAge), dur(k.StaleIfError), dur(k.RefreshInterval), dur(k.ClockSkew), dur(least)),
		remedy: "write publish_delay: " + dur(least) + " or more, or shorten the others",
	}, guard{
		// Signing stops when the last read is older than half the publish delay:
		// one failed read must not stop it.
		holds: r.PublishDelay >= 4*k.RefreshInterval, m: m, field: "publish_delay",
		reads: []string{"keys.refresh_interval"},
		problem: fmt.Sprintf("half of %s leaves no room for two reads of Vault, refresh_interval %s apart; signing would stop after one that fails",
			dur(r.PublishDelay), dur(k.RefreshInterval)),
		remedy: "write publish_delay: " + dur(4*k.RefreshInterval) + " or more, or shorten keys.refresh_interval",
	})
}

func (l *loader) lifetimeGuards(m *strictyaml.Map, r Ring, c *Config) {
	k, field := c.Keys, func(key string) string { return m.At(key).Field }
	if r.Algorithm.Symmetric() {
		r.PublishDelay = 0 // nothing is published, so nothing waits for it
	}
	cycle := r.PublishDelay + r.MaxTTL
	margin := 2*k.ClockSkew + k.RefreshInterval + RequestDeadline
	l.apply(guard{
		holds: r.RotationPeriod > cycle, m: m, field: "rotation_period",
		reads: []string{field("publish_delay"), field("max_ttl")},
		problem: fmt.Sprintf("%s is not longer than one rollover: publish_delay %s + max_ttl %s = %s; versions would pile up",
			dur(r.RotationPeriod), dur(r.PublishDelay), dur(r.MaxTTL), dur(cycle)),
		remedy: "write a rotation_period above " + dur(cycle) + ", such as " + dur(2*cycle),
	}, guard{
		holds: r.RetireMargin >= margin, m: m, field: "retire_margin",
		reads: []string{"keys.clock_skew", "keys.refresh_interval"},
		problem: fmt.Sprintf("%s could retire a key whose last token is still valid: 2 * clock_skew %s + refresh_interval %s + the request deadline %s = %s",
			dur(r.RetireMargin), dur(k.ClockSkew), dur(k.RefreshInterval), dur(RequestDeadline), dur(margin)),
		remedy: "write retire_margin: " + dur(margin) + " or more",
	}, guard{
		holds: c.Tokens.TTL <= r.MaxTTL, m: l.doc.Root().Map("tokens"), field: "ttl",
		reads:   []string{field("max_ttl")},
		problem: fmt.Sprintf("%s is longer than max_ttl %s of ring %s", dur(c.Tokens.TTL), dur(r.MaxTTL), strictyaml.Quote(r.Name)),
		remedy:  "write ttl: " + dur(min(r.MaxTTL, MaxTTLCap)) + " or less, or raise the ring's max_ttl (at most " + dur(MaxTTLCap) + ")",
	})
}

// sessionGuards: an access token outlives no session's idle end, or introspection
// would call a token of a forgotten session unknown rather than ended.
func (l *loader) sessionGuards(c *Config) {
	m, f := l.doc.Root().Map("refresh"), c.Refresh
	longest, reads := c.LongestTTL(), make([]string, 0, len(l.rings))
	for _, ring := range l.rings {
		reads = append(reads, ring.At("max_ttl").Field)
	}
	l.apply(guard{
		holds: f.Idle <= f.Absolute, m: m, field: "idle", reads: []string{"refresh.absolute"},
		problem: fmt.Sprintf("%s is longer than absolute %s, so it would never apply", dur(f.Idle), dur(f.Absolute)),
		remedy:  "write idle: " + dur(f.Absolute) + " or less, or raise absolute",
	}, guard{
		holds: f.Idle >= longest, m: m, field: "idle", reads: reads,
		problem: fmt.Sprintf("%s is shorter than the longest max_ttl %s: a session would end before its access token", dur(f.Idle), dur(longest)),
		remedy:  "write idle: " + dur(longest) + " or more, or lower max_ttl",
	}, guard{
		holds: f.Grace <= f.Idle, m: m, field: "grace", reads: []string{"refresh.idle"},
		problem: fmt.Sprintf("%s is longer than idle %s: reuse of a stolen token would never be noticed", dur(f.Grace), dur(f.Idle)),
		remedy:  "write grace: " + dur(DefaultGrace) + ", or 0s for none",
	})
}

// nameGuards: one transit key has one use, one address one listener.
func (l *loader) nameGuards(c *Config) {
	for _, r := range c.Rings {
		l.apply(guard{
			holds: r.Name == "" || r.Name != c.Refresh.MACKey, m: l.doc.Root().Map("refresh"), field: "mac_key",
			problem: fmt.Sprintf("%s is the name of a key ring; whoever may sign with it could make refresh tokens", strictyaml.Quote(c.Refresh.MACKey)),
			remedy:  "name another transit key, such as " + DefaultMACKey,
		})
	}
	l.apply(guard{
		holds: c.Listen.Address != c.Ops.Address || hasPortZero(c.Ops.Address), m: l.doc.Root().Map("ops"), field: "address",
		reads:   []string{"listen.address"},
		problem: strictyaml.Quote(c.Ops.Address) + " is the public listener's address; metrics and status are not for the public",
		remedy:  "write `address: \"" + DefaultOpsAddress + "\"` or another port",
	})
}

func dur(d time.Duration) string { return strictyaml.Compact(d) }
