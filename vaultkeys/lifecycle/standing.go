package lifecycle

import (
	"slices"
	"time"
)

// Standing is for how long a version number that only rises, such as a
// minimum, has been seen at or above each value that it had. The zero value has
// seen nothing. It is not safe for concurrent use.
type Standing struct {
	steps []standingStep // ascending by value and by time
}

type standingStep struct {
	value int
	since time.Time
}

// See notes that the number had this value at that time: the moment at which
// Vault's answer arrived, so that it stood at least since then. A value below
// an earlier one means that somebody lowered it: what was above stands no longer.
func (s *Standing) See(value int, at time.Time) {
	s.steps = slices.DeleteFunc(s.steps, func(step standingStep) bool { return step.value > value })
	if len(s.steps) == 0 || s.steps[len(s.steps)-1].value < value {
		s.steps = append(s.steps, standingStep{value, at})
	}
}

// For is how long the number has stood at or above value without being seen
// lower, up to at. It reports false if it does not, or was not seen to.
func (s *Standing) For(value int, at time.Time) (time.Duration, bool) {
	for _, step := range s.steps {
		if step.value >= value {
			return at.Sub(step.since), true
		}
	}
	return 0, false
}
