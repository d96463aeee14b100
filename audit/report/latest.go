package report

import (
	"slices"
	"time"
)

// latest sorts all by time and keeps the last most of them, in new memory, so
// that those before are let go; over is how many these are.
func latest[T any](all []T, most int, at func(T) time.Time) (kept []T, over int) {
	slices.SortStableFunc(all, func(a, b T) int { return at(a).Compare(at(b)) })
	if over = len(all) - most; over <= 0 {
		return all, 0
	}
	return slices.Clone(all[over:]), over
}
