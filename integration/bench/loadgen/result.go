package loadgen

import (
	"fmt"
	"slices"
	"time"
)

// Result is what one run gave.
type Result struct {
	// Answers were finished within the window, Rate of them a second.
	Answers int
	Rate    float64
	// Refused counts answers with 503, from the first to the last of the run.
	Refused int
	// Half, 99 % and 99.9 % of the latencies were at most so long.
	P50, P99, P999 time.Duration
}

// Summarise takes the latencies of each connection's answers, all of which were
// finished within a window of the given length.
func Summarise(latencies [][]time.Duration, length time.Duration) (Result, error) {
	all := slices.Concat(latencies...)
	r := Result{Answers: len(all), Rate: float64(len(all)) / length.Seconds()}
	return r, r.percentiles(all, length)
}

// percentiles sorts what it is given.
func (r *Result) percentiles(all []time.Duration, length time.Duration) error {
	if len(all) == 0 {
		return fmt.Errorf("nothing was finished within %s", length)
	}
	slices.Sort(all)
	r.P50, r.P99, r.P999 = percentile(all, 500), percentile(all, 990), percentile(all, 999)
	return nil
}

// percentile is the least value that so many of 1,000 are not above.
func percentile(sorted []time.Duration, permille int) time.Duration {
	rank := (len(sorted)*permille + 999) / 1000
	return sorted[max(rank, 1)-1]
}
