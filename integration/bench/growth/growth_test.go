package growth

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestExponent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sizes []int
		costs []float64
		k     float64
		ok    bool
	}{
		"flat":              {[]int{1, 10, 100}, []float64{5, 5, 5}, 0, true},
		"linear":            {[]int{1, 2, 4, 8}, []float64{3, 6, 12, 24}, 1, true},
		"square":            {[]int{1, 10}, []float64{1, 100}, 2, true},
		"falls":             {[]int{1, 4, 16}, []float64{8, 4, 2}, -0.5, true},
		"one bend":          {[]int{1, 10, 100}, []float64{1, 1, 10}, 0.5, true},
		"one size":          {[]int{3}, []float64{3}, 0, false},
		"one size twice":    {[]int{3, 3}, []float64{3, 4}, 0, false},
		"none":              {nil, nil, 0, false},
		"a cost of nothing": {[]int{1, 2}, []float64{0, 1}, 0, false},
		"a size of nothing": {[]int{0, 2}, []float64{1, 1}, 0, false},
		"no number":         {[]int{1, 2}, []float64{1, math.NaN()}, 0, false},
		"without end":       {[]int{1, 2}, []float64{1, math.Inf(1)}, 0, false},
		"not each size":     {[]int{1, 2}, []float64{1}, 0, false},
	} {
		if k, ok := Exponent(c.sizes, c.costs); ok != c.ok || math.Abs(k-c.k) > 1e-12 {
			t.Errorf("%s: %g, %t, want %g, %t", name, k, ok, c.k, c.ok)
		}
	}
}

// TestExponentOfPowers: a power law is found whatever the sizes, and neither the
// unit of the costs nor that of the sizes changes it.
func TestExponentOfPowers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfNDistinct(rapid.IntRange(1, 1_000_000), 2, 8, rapid.ID).Draw(t, "sizes")
		k, factor := rapid.Float64Range(-3, 3).Draw(t, "k"), rapid.Float64Range(1e-3, 1e3).Draw(t, "factor")
		var costs []float64
		for _, size := range sizes {
			costs = append(costs, factor*math.Pow(float64(size), k))
		}
		if got, ok := Exponent(sizes, costs); !ok || math.Abs(got-k) > 1e-3 {
			t.Fatalf("%g, %t, want %g", got, ok, k)
		}
	})
}

// TestAxis: what grows faster than it may is said, what is below the resolution or
// no cost does not count.
func TestAxis(t *testing.T) {
	t.Parallel()
	a := Axis{Name: "rings"}
	for i, size := range []int{1, 10} {
		p := a.At(size)
		p.Value("tokens/s", []float64{1234.4, 9999999}[i])
		p.Cost("bytes", 1, []float64{50, 5000}[i])
		p.Cost("µs", 1, []float64{0.001, 0.9}[i])
		p.Cost("ms", 0.1, []float64{0, 0.2}[i])
		p.Flat("µs a token", 1, []float64{5, 25}[i])
	}
	a.Judge(true)
	if missed := a.Missed(); len(missed) != 2 || missed[0] != "bytes grows with rings^2.00, want at most ^1.1" || missed[1] != "µs a token grows with rings^0.70, want at most ^0.3" {
		t.Errorf("%q", missed)
	}
	want := `| rings | 1 | 10 | k |
|---|---|---|---|
| tokens/s | 1,234 | 9,999,999 |  |
| bytes | 50 | 5,000 | 2.00 MISSED |
| µs | 0.001 | 0.9 | 0.00 |
| ms | 0 | 0.2 | 0.30 |
| µs a token | 5 | 25 | 0.70 MISSED |
`
	if got := Markdown(a.Rows()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	a.Judge(false)
	if missed := a.Missed(); len(missed) > 0 || strings.Contains(Markdown(a.Rows()), "MISSED") || a.Lines[1].K == nil {
		t.Errorf("%q: it was not to be judged", missed)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	const page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n"
	got, err := Fill(page, "x", "| new |\n")
	if err != nil || got != "a\n<!-- x -->\n| new |\n<!-- end of x -->\nb\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"", "<!-- x -->\n", "<!-- end of x -->\n<!-- x -->\n", page + page} {
		if got, err := Fill(bad, "x", "new"); err == nil {
			t.Errorf("%q was filled: %q", bad, got)
		}
	}
}
