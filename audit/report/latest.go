package report

import (
	"slices"
	"time"
)

// Latest are the latest of many, in the order of time.
type Latest[T interface{ at() time.Time }] struct {
	Listed []T `json:"listed"`
	// LeftOut is how many earlier ones are counted and not listed.
	LeftOut int `json:"left_out"`
}

// add takes one more, and lets some go when there are twice as many as may be in
// the end: they need not come in order.
func (l *Latest[T]) add(one T, most int) {
	if l.Listed = append(l.Listed, one); len(l.Listed) > 2*most {
		l.cut(most)
	}
}

// cut sorts by time and keeps the last most, in new memory, so that those before
// are let go.
func (l *Latest[T]) cut(most int) {
	slices.SortStableFunc(l.Listed, func(a, b T) int { return a.at().Compare(b.at()) })
	if over := len(l.Listed) - most; over > 0 {
		l.Listed = slices.Clone(l.Listed[over:])
		l.LeftOut += over
	}
}
