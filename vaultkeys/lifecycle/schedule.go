package lifecycle

import "time"

// Schedule is Signing with everything that does not depend on the time worked
// out, so that the signing path only compares times. It is immutable.
type Schedule struct {
	steps []step // ascending by version and by time
}

type step struct {
	version int
	at      time.Time
}

// NewSchedule works out when each version that may sign begins to.
func NewSchedule(r Ring, p Policy) Schedule {
	lowest := max(1, r.MinEncryption)
	steps := make([]step, 0, len(r.Versions))
	for _, v := range Monotonic(r.Versions) {
		if v.Number >= lowest {
			steps = append(steps, step{version: v.Number, at: v.CreatedAt.Add(p.PublishDelay)})
		}
	}
	return Schedule{steps: steps}
}

// Signing is [Signing] at now. It allocates nothing.
func (s Schedule) Signing(now time.Time) (version int, ok bool) {
	if len(s.steps) == 0 {
		return 0, false
	}
	for i := len(s.steps) - 1; i > 0; i-- {
		if !s.steps[i].at.After(now) {
			return s.steps[i].version, true
		}
	}
	// Either the lowest is the newest activated one, or none is activated yet
	// and the lowest signs regardless.
	return s.steps[0].version, true
}
