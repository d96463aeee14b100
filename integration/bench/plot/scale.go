package plot

import (
	"math"
	"strconv"

	"signet/internal/grouped"
)

// scale maps values to places, and has the values to write at the axis.
type scale struct {
	at    func(float64) float64
	ticks []float64
}

// linear begins at 0 and ends at a round number.
func linear(highest, from, to float64) scale {
	step := nice(highest / 6)
	n := math.Ceil(highest / step)
	s := scale{at: func(v float64) float64 { return from + (to-from)*v/(n*step) }}
	for i := range int(n) + 1 {
		s.ticks = append(s.ticks, float64(i)*step)
	}
	return s
}

// logarithmic goes from a power of ten or its double or fivefold to another.
func logarithmic(lowest, highest, from, to float64) scale {
	var ticks []float64
	for power := math.Floor(math.Log10(lowest)); len(ticks) < 2 || ticks[len(ticks)-1] < highest; power++ {
		for _, f := range []float64{1, 2, 5} {
			v := f * math.Pow(10, power)
			switch {
			case v <= lowest:
				ticks = []float64{v} // the last one below
			case len(ticks) < 2 || ticks[len(ticks)-1] < highest:
				ticks = append(ticks, v)
			}
		}
	}
	low, high := math.Log(ticks[0]), math.Log(ticks[len(ticks)-1])
	return scale{at: func(v float64) float64 { return from + (to-from)*(math.Log(v)-low)/(high-low) }, ticks: ticks}
}

// nice is the next of 1, 2, 5, 10, 20 and so on.
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v {
			return f * power
		}
	}
	return 10 * power
}

// milliseconds is a latency as people write it.
func milliseconds(ms float64) string {
	switch {
	case ms < 1:
		return number(ms*1000) + " µs"
	case ms < 1000:
		return number(ms) + " ms"
	default:
		return number(ms/1000) + " s"
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// thousands groups a number's digits: 12,000.
func thousands(v float64) string {
	if v < 1000 {
		return number(v)
	}
	return grouped.Thousands(uint64(math.RoundToEven(v)))
}
