package lifecycle

import "time"

// Cryptoperiod is how old a private key may be that signs: two years (NIST SP
// 800-57 part 1, section 5.3.6).
const Cryptoperiod = 17520 * time.Hour

// Version is one version of a transit key as Vault reports it.
type Version struct {
	// Number is Vault's version number, 1 or more.
	Number int
	// CreatedAt is Vault's creation_time. Zero for hmac keys, for which Vault
	// reports none: they have nothing to publish and are active at once.
	CreatedAt time.Time
}

// Ring is Vault's answer to one key read.
type Ring struct {
	// Versions are those that Vault lists, ascending by number.
	Versions []Version
	// MinDecryption, MinEncryption and Latest are Vault's min_decryption_version,
	// min_encryption_version (0 = no lower limit) and latest_version.
	MinDecryption, MinEncryption, Latest int
	// MinAvailable is Vault's min_available_version: below it versions are
	// trimmed (0 = none is). Only [Plan] uses it.
	MinAvailable int
}

// Policy is the ring's timing, from the configuration.
type Policy struct {
	// PublishDelay is how long a version is published before it signs.
	PublishDelay time.Duration
	// MaxTTL is the longest life of a token that the ring signs.
	MaxTTL time.Duration
	// RotationPeriod is the age of the newest version at which the keeper rotates.
	RotationPeriod time.Duration
	// RetireMargin is added to MaxTTL before a fenced version is retired.
	RetireMargin time.Duration
	// RefreshInterval is how often every replica reads the ring.
	RefreshInterval time.Duration
	// ClockSkew is the largest distance between a replica's clock and Vault's.
	ClockSkew time.Duration
	// TrimAfter is how long a version has been retired before the keeper deletes
	// it for good; 0 = never.
	TrimAfter time.Duration
}

// State is where a listed version stands. Versions that Vault no longer lists
// (retired, trimmed) have no state here.
type State string

// The states of a listed version, in the order in which it passes them.
const (
	Published State = "published" // in the JWKS, does not sign yet
	Active    State = "active"    // signs
	Retiring  State = "retiring"  // verifies only
)

// Monotonic returns the versions with creation times that never decrease: the
// clock of the Vault node that made a later version may lag behind the one
// that made an earlier version, and an order of activation that contradicts
// the order of versions would let signing move backwards.
func Monotonic(vs []Version) []Version {
	out := make([]Version, len(vs))
	var latest time.Time
	for i, v := range vs {
		if v.CreatedAt.Before(latest) {
			v.CreatedAt = latest
		}
		latest = v.CreatedAt
		out[i] = v
	}
	return out
}

// Activation is when version v begins to sign, unless an emergency makes it
// sign earlier: its monotonic creation time plus the publish delay. It reports
// false if the version is not listed.
func Activation(r Ring, p Policy, v int) (time.Time, bool) {
	for _, m := range Monotonic(r.Versions) {
		if m.Number == v {
			return m.CreatedAt.Add(p.PublishDelay), true
		}
	}
	return time.Time{}, false
}

// Signing is the version that signs at now: the newest activated one that is
// not below min_encryption_version; if there is none, the lowest listed one
// that is >= max(1, min_encryption_version) (bootstrap, emergency, or a clock
// behind that of whoever raised the minimum). It reports false if Vault lists
// no version that may sign.
func Signing(r Ring, p Policy, now time.Time) (version int, ok bool) {
	return NewSchedule(r, p).Signing(now)
}

// States is the state of every listed version at now, by version number.
func States(r Ring, p Policy, now time.Time) map[int]State {
	signing, ok := Signing(r, p, now)
	states := make(map[int]State, len(r.Versions))
	for _, v := range r.Versions {
		switch {
		case ok && v.Number == signing:
			states[v.Number] = Active
		case ok && v.Number > signing:
			states[v.Number] = Published
		default:
			states[v.Number] = Retiring
		}
	}
	return states
}
