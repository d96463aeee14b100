package report

import (
	"maps"
	"slices"
	"time"

	"signet/vaultkeys/lifecycle"
)

// Keys are the key versions and how old they are.
type Keys struct {
	// Verdict is the worst of all versions.
	Verdict Verdict `json:"verdict"`
	// CryptoperiodSeconds is the longest that a signing key may live: two years
	// (NIST SP 800-57 part 1).
	CryptoperiodSeconds int64        `json:"cryptoperiod_seconds"`
	Versions            []VersionAge `json:"versions"` // by ring, newest first
	Changes             Changes      `json:"changes"`
}

// Verdict is how an age compares with its limits.
type Verdict string

// The verdicts, from good to bad. One that is not known is not good.
const (
	WithinLimits       Verdict = "ok"
	UnknownAge         Verdict = "unknown"
	OverRotationPeriod Verdict = "over_rotation_period"
	OverCryptoperiod   Verdict = "over_cryptoperiod"
)

var severity = []Verdict{WithinLimits, UnknownAge, OverRotationPeriod, OverCryptoperiod}

func worse(a, b Verdict) Verdict {
	return severity[max(slices.Index(severity, a), slices.Index(severity, b))]
}

// Source is who told of a key.
type Source string

// The sources.
const (
	FromVault   Source = "vault"     // Vault itself, when the report was made
	FromLog     Source = "vault_log" // its audit log, as far as that reaches
	FromRecords Source = "records"   // only that it signed is known
)

// VersionAge is one key version of a ring of the configuration.
type VersionAge struct {
	Ring    string `json:"ring"`
	Version int    `json:"version"`
	// State is lifecycle's, "" for a version that Vault lists no more, or of which
	// only its signatures are known.
	State     lifecycle.State `json:"state,omitempty"`
	CreatedAt time.Time       `json:"created_at,omitzero"`
	// AsOf is when State was seen.
	AsOf time.Time `json:"as_of,omitzero"`
	// Source told CreatedAt, or State if that is not known.
	Source Source `json:"source"`
	// AgeSeconds is the age at AsOf; nil if it is not known.
	AgeSeconds *int64 `json:"age_seconds"`
	// LastSigned is its last token that was counted, and AgeLastSigned its age by
	// then in seconds.
	LastSigned    time.Time `json:"last_signed,omitzero"`
	AgeLastSigned *int64    `json:"age_last_signed_seconds"`
	// RotationPeriodSeconds is the ring's, from the configuration.
	RotationPeriodSeconds int64   `json:"rotation_period_seconds"`
	Verdict               Verdict `json:"verdict"`
}

func (c *Collector) keyAges() Keys {
	for _, k := range c.keys {
		if c.vaultLog.To.After(k.loggedAt) {
			k.loggedAt = c.vaultLog.To // nothing else happened to it
		}
	}
	out := Keys{
		Verdict: WithinLimits, CryptoperiodSeconds: seconds(lifecycle.Cryptoperiod), Versions: []VersionAge{}, Changes: c.changes,
	}
	if len(c.cfg.Rings) == 0 {
		out.Verdict = UnknownAge
	}
	for i := range c.cfg.Rings {
		all := c.ringAges(&c.cfg.Rings[i])
		if len(all) == 0 {
			out.Verdict = worse(out.Verdict, UnknownAge)
		}
		for _, v := range all {
			out.Verdict = worse(out.Verdict, v.Verdict)
		}
		out.Versions = append(out.Versions, all...)
	}
	return out
}

// ringAges are the versions of a ring that are listed, and those that signed.
func (c *Collector) ringAges(r *Ring) []VersionAge {
	k := c.keys[r.Name]
	if k == nil {
		k = &key{}
	}
	numbers := map[int]bool{}
	states := k.states(r)
	for n := range states {
		numbers[n] = true
	}
	for v := range c.lastSigned {
		if v.ring == r.Name {
			numbers[v.number] = true
		}
	}
	var out []VersionAge
	for n := range numbers {
		out = append(out, c.versionAge(r, k, n, states[n]))
	}
	slices.SortFunc(out, func(a, b VersionAge) int { return b.Version - a.Version })
	return out
}

// states are those of the versions that Vault lists.
func (k *key) states(r *Ring) map[int]lifecycle.State {
	s, at, _ := k.last()
	if s == nil {
		return nil
	}
	ring := lifecycle.Ring{MinDecryption: s.MinDecryption, MinEncryption: s.MinEncryption, Latest: s.Latest, MinAvailable: s.MinAvailable}
	states := map[int]lifecycle.State{}
	for n := max(1, s.MinDecryption, s.MinAvailable); n <= s.Latest; n++ {
		if s.Revoked[n] {
			states[n] = lifecycle.Retiring
			continue
		}
		created, _ := k.created(n)
		ring.Versions = append(ring.Versions, lifecycle.Version{Number: n, CreatedAt: created})
	}
	maps.Copy(states, lifecycle.States(ring, r.Policy, at))
	return states
}

func (c *Collector) versionAge(r *Ring, k *key, n int, state lifecycle.State) VersionAge {
	last, at, _ := k.last()
	created, told := k.created(n)
	out := VersionAge{
		Ring: r.Name, Version: n, State: state, CreatedAt: created.UTC(), AsOf: at.UTC(), Source: told,
		LastSigned: c.lastSigned[version{r.Name, n}].UTC(), RotationPeriodSeconds: seconds(r.Policy.RotationPeriod),
		Verdict: WithinLimits,
	}
	signs := state == lifecycle.Active || state == lifecycle.Published
	if out.CreatedAt.IsZero() {
		if signs || !out.LastSigned.IsZero() {
			out.Verdict = UnknownAge
		}
		return out
	}
	age := max(0, at.Sub(out.CreatedAt))
	out.AgeSeconds = new(seconds(age))
	limit := r.Policy.RotationPeriod + r.Policy.RefreshInterval + r.Policy.ClockSkew
	if last == nil || n < last.Latest { // it signs on while its successor is only published
		limit += r.Policy.PublishDelay
	}
	if signs {
		out.Verdict = judge(age, limit)
	}
	if !out.LastSigned.IsZero() {
		then := max(0, out.LastSigned.Sub(out.CreatedAt))
		out.AgeLastSigned = new(seconds(then))
		out.Verdict = worse(out.Verdict, judge(then, limit))
	}
	return out
}

// created is when a version was made, zero if that is not known, and who told.
func (k *key) created(n int) (at time.Time, told Source) {
	_, _, told = k.last()
	if k.answered != nil && !k.answered.Created[n].IsZero() {
		return k.answered.Created[n], FromVault
	}
	if at = k.made[n]; !at.IsZero() {
		told = FromLog
	}
	return at, told
}

// judge compares an age with its limits.
func judge(age, rotation time.Duration) Verdict {
	switch {
	case age > lifecycle.Cryptoperiod:
		return OverCryptoperiod
	case age > rotation:
		return OverRotationPeriod
	}
	return WithinLimits
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
