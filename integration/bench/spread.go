package main

import "slices"

// spread is the median of some rounds, and their range.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// spreadOf is the spread of at least one value.
func spreadOf(values []float64) spread {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}

// spreadBy takes one figure of each round.
func spreadBy[R any](rounds []R, figure func(R) float64) spread {
	values := make([]float64, 0, len(rounds))
	for _, r := range rounds {
		values = append(values, figure(r))
	}
	return spreadOf(values)
}

// ratios compares round by round: both were measured one after the other, and a
// machine whose speed drifts does so for both. A round in which one of them is not
// known is left out; without any other the spread is zero.
func ratios[R any](of, over []R, figure func(R) float64) spread {
	values := make([]float64, 0, len(of))
	for i := range min(len(of), len(over)) {
		if a, b := figure(of[i]), figure(over[i]); a > 0 && b > 0 {
			values = append(values, a/b)
		}
	}
	if len(values) == 0 {
		return spread{}
	}
	return spreadOf(values)
}
