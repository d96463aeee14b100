package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// invariant is what must hold.
type invariant string

const (
	tokenRefused    invariant = "a valid token is never refused by a verifier that honours max-age"
	tokenInactive   invariant = "a valid token is never inactive at introspection"
	tokenOutlives   invariant = "no token outlives its key"
	liveVersions    invariant = "a ring has at most three live versions, and those made by hand"
	agreement       invariant = "replicas agree within one refresh interval"
	revokedIsDead   invariant = "a revoked key stays dead"
	oneKey          invariant = "verifiers are never shown two keys for one kid"
	scheduledIsSlow invariant = "not even 2h caches fail under scheduled rotation with a publish_delay far above that"
)

// report is what a run showed.
type report struct {
	seed       uint64
	broken     map[invariant]int
	violations []string
	counts     map[string]int
}

func newReport(seed uint64) *report {
	return &report{seed: seed, broken: map[invariant]int{}, counts: map[string]int{}}
}

func (r *report) count(what string) { r.counts[what]++ }

func (r *report) violation(at instant, what invariant, format string, args ...any) {
	if r.broken[what]++; r.broken[what] <= 5 {
		r.violations = append(r.violations, fmt.Sprintf("seed %d, %s (%v): broken: %s: %s",
			r.seed, epoch.Add(at).Format(time.RFC3339Nano), at, what, fmt.Sprintf(format, args...)))
	}
}

// full says that a run has shown enough to end it.
func (r *report) full() bool {
	total := 0
	for _, n := range r.broken {
		total += n
	}
	return total >= 100
}

func (r *report) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(r.counts)) {
		fmt.Fprintf(&b, "  %-60s %d\n", what, r.counts[what])
	}
	return b.String()
}

func (r *report) most(what string, n int) { r.counts["most "+what] = max(r.counts["most "+what], n) }
