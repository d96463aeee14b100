package main

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 2}, spread{3, 2, 4}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

// TestRatios: a machine that is slower in one round is so for both, and the ratio
// is that of the machine at its full speed.
func TestRatios(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		speeds := rapid.SliceOfN(rapid.Float64Range(1, 1000), 1, 7).Draw(t, "speeds")
		ratio := rapid.Float64Range(0.1, 10).Draw(t, "ratio")
		of := slices.Clone(speeds)
		for i := range of {
			of[i] *= ratio
		}
		got := ratios(of, speeds, func(v float64) float64 { return v })
		if got.Min < ratio*0.999 || got.Median < got.Min || got.Max < got.Median || got.Max > ratio*1.001 {
			t.Fatalf("%v, want %v", got, ratio)
		}
	})
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 987: "987ns", 41_234: "41.2µs", 999_999: "1ms", 1_234_567: "1.23ms", 123_456_789: "123ms", 12_345_678_901: "12.3s",
	} {
		if got := short(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}
