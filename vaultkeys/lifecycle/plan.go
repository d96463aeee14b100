package lifecycle

import (
	"fmt"
	"time"
)

// UnknownMaxTTL is assumed where no replica has reported the max_ttl that it
// signs with: the hard cap of every configuration.
const UnknownMaxTTL = 12 * time.Hour

// LiveUnderSchedule is how many live versions a ring has at most if nobody
// rotates by hand: one retiring, one active, one published.
const LiveUnderSchedule = 3

// Kind is what a keeper does to a ring.
type Kind string

// The kinds, in the order in which a keeper takes them. They only ever add a
// version or raise a minimum.
const (
	Fence  Kind = "fence"  // raise min_encryption_version: older versions sign no more
	Retire Kind = "retire" // raise min_decryption_version: older versions verify no more
	Trim   Kind = "trim"   // raise min_available_version: older versions are deleted for good
	Rotate Kind = "rotate" // add a version
)

// Kinds are all of them, in that order.
func Kinds() []Kind { return []Kind{Fence, Retire, Trim, Rotate} }

// Action is one write to a ring.
type Action struct {
	Kind Kind
	// Version is the minimum's new value; for [Rotate] the version that is the
	// latest before it, so that a rotation by somebody else makes this one another.
	Version int
}

// Step is an action and when it is due.
type Step struct {
	Action
	// Due is on Vault's clock. For what waits on the keeper's own clock it is the
	// present time and what is left to wait.
	Due time.Time
	// Why is the reason, for a log and for a human.
	Why string
}

// Observed is what a keeper knows besides Vault's answer. Nothing of it needs
// to survive the keeper: a new one waits again, which is safe.
type Observed struct {
	// At is when the answer was asked for, on the keeper's monotonic clock; the
	// three below are on the same clock.
	At time.Time
	// Latest, Fence and Retired are what the keeper has seen of latest_version,
	// min_encryption_version and min_decryption_version.
	Latest, Fence, Retired Standing
	// MaxTTL is the largest max_ttl that a replica reported for the ring; 0 = no
	// report, which means [UnknownMaxTTL].
	MaxTTL time.Duration
	// RetiredAt is when min_decryption_version was first seen at its present
	// value, by anybody, on Vault's clock. Zero = unknown: nothing is trimmed.
	RetiredAt time.Time
}

// Plan is what comes next for a ring, at most one step of each kind, in the
// order of [Kinds]; those with Due <= now are to be done. now is Vault's clock,
// or earlier. For an hmac key, whose versions Vault gives no time, CreatedAt is
// when each was first seen and PublishDelay is 0. A ring with a version whose
// time is unknown (zero), or without any version that may sign, has no steps.
//
// Doing a step and planning again with Vault's new answer comes to an end, and
// a doubled or lost step does no harm: whoever plans next goes on from there.
func Plan(r Ring, p Policy, o Observed, now time.Time) []Step {
	if !timed(r) {
		return nil
	}
	s := plan{ring: r, policy: p, seen: o, now: now, versions: Monotonic(r.Versions), lowest: max(1, r.MinDecryption)}
	var steps []Step
	for _, next := range []func() (Step, bool){s.fence, s.retire, s.trim, s.rotate} {
		if step, ok := next(); ok {
			steps = append(steps, step)
		}
	}
	return steps
}

func timed(r Ring) bool {
	for _, v := range r.Versions {
		if v.CreatedAt.IsZero() {
			return false
		}
	}
	return len(r.Versions) > 0
}

type plan struct {
	ring     Ring
	policy   Policy
	seen     Observed
	now      time.Time
	versions []Version // monotonic
	lowest   int       // min_decryption_version, where 0 is 1
}

// fence: min_encryption_version rises to v once every replica signs with v or
// newer. A replica within clock_skew does so at activation + clock_skew, and it
// has read the version by then; that it had a refresh interval and the skew to
// read it in is checked once more on the keeper's own clock, because the time
// of an hmac version may be that of an earlier one with the same number.
func (s *plan) fence() (Step, bool) {
	wait := s.policy.RefreshInterval + s.policy.ClockSkew
	var candidates []Step
	for _, v := range s.versions {
		if v.Number <= max(1, s.ring.MinEncryption) {
			continue
		}
		candidates = append(candidates, Step{
			Action: Action{Fence, v.Number},
			Due:    later(v.CreatedAt.Add(s.policy.PublishDelay+wait), s.stands(&s.seen.Latest, v.Number, wait)),
			Why:    fmt.Sprintf("every replica signs with version %d or newer %v after its activation", v.Number, wait),
		})
	}
	return s.furthest(candidates)
}

// retire: min_decryption_version rises to v once no token of an older version
// is left: Vault has refused to sign with one for the longest life of a token.
func (s *plan) retire() (Step, bool) {
	wait := s.afterFence()
	var candidates []Step
	for v := s.lowest + 1; v <= s.ring.MinEncryption; v++ {
		candidates = append(candidates, Step{
			Action: Action{Retire, v},
			Due:    s.stands(&s.seen.Fence, v, wait),
			Why:    fmt.Sprintf("Vault has signed with nothing below version %d for %v", v, wait),
		})
	}
	return s.furthest(candidates)
}

// trim has two guards beside its being off by default: the time since anybody
// saw the versions retired, and this keeper's own clock.
func (s *plan) trim() (Step, bool) {
	r := s.ring
	if s.policy.TrimAfter <= 0 || s.seen.RetiredAt.IsZero() ||
		s.lowest <= max(1, r.MinAvailable) || r.MinEncryption < s.lowest {
		return Step{}, false
	}
	return Step{
		Action: Action{Trim, s.lowest},
		Due:    later(s.seen.RetiredAt.Add(s.policy.TrimAfter), s.stands(&s.seen.Retired, s.lowest, s.afterFence())),
		Why:    fmt.Sprintf("the versions below %d have been retired for %v", s.lowest, s.policy.TrimAfter),
	}, true
}

// rotate: a version is added when the newest is rotation_period old. With three
// live versions it waits for the oldest to retire, as a rule for minutes. A
// retirement that is stuck must not end rotation: after a second period it goes
// on, if this keeper has had the time of two rollovers to finish the last one.
func (s *plan) rotate() (Step, bool) {
	if s.policy.RotationPeriod <= 0 {
		return Step{}, false
	}
	newest := s.versions[len(s.versions)-1]
	age := s.policy.RotationPeriod
	due := newest.CreatedAt.Add(age)
	if s.ring.Latest-s.lowest+1 >= LiveUnderSchedule {
		age *= 2
		rollover := s.policy.PublishDelay + s.policy.RefreshInterval + s.policy.ClockSkew + s.afterFence()
		due = later(newest.CreatedAt.Add(age), s.stands(&s.seen.Latest, s.ring.Latest, 2*rollover))
	}
	return Step{
		Action: Action{Rotate, s.ring.Latest}, Due: due,
		Why: fmt.Sprintf("version %d is %v old", newest.Number, age),
	}, true
}

func (s *plan) afterFence() time.Duration { return AfterFence(s.policy, s.seen.MaxTTL) }

// AfterFence is how long a token signed just before a fence may live, and the
// margin. reported is the largest max_ttl that a replica reported for the ring;
// 0 = no report, which means [UnknownMaxTTL], as does what no token can have for
// its life: somebody else wrote it. No report makes the wait shorter than the
// policy's own.
func AfterFence(p Policy, reported time.Duration) time.Duration {
	if reported <= 0 || reported > Cryptoperiod { // beyond any key's life, and it would overflow
		reported = UnknownMaxTTL
	}
	return max(p.MaxTTL, reported) + p.RetireMargin
}

// stands is when a number will have stood at v for the whole wait; if it was
// not seen there yet, a whole wait from now.
func (s *plan) stands(standing *Standing, v int, wait time.Duration) time.Time {
	stood, _ := standing.For(v, s.seen.At)
	return s.now.Add(wait - stood)
}

// furthest is the highest of the steps that are due, or else of those that are
// due first. The candidates ascend by version and by time.
func (s *plan) furthest(candidates []Step) (Step, bool) {
	if len(candidates) == 0 {
		return Step{}, false
	}
	best := candidates[0]
	for _, c := range candidates[1:] {
		if c.Due.After(later(best.Due, s.now)) {
			break
		}
		best = c
	}
	return best, true
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
