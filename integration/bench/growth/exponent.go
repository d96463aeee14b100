package growth

import "math"

// Exponent is the k of the power law cost ~ size^k that is nearest to what was
// measured, by least squares of the logarithms: 0 is a cost that does not grow, 1
// one that doubles with the size. It is not ok with fewer than two sizes, or where
// a size or a cost is not positive, for these have no logarithm.
func Exponent(sizes []int, costs []float64) (k float64, ok bool) {
	n := float64(len(sizes))
	if len(sizes) != len(costs) {
		return 0, false
	}
	var meanX, meanY float64
	for i, size := range sizes {
		if size <= 0 || costs[i] <= 0 || math.IsInf(costs[i], 1) || math.IsNaN(costs[i]) {
			return 0, false
		}
		meanX += math.Log(float64(size)) / n
		meanY += math.Log(costs[i]) / n
	}
	var covariance, variance float64
	for i, size := range sizes {
		x := math.Log(float64(size)) - meanX
		covariance += x * (math.Log(costs[i]) - meanY)
		variance += x * x
	}
	if variance == 0 {
		return 0, false
	}
	return covariance / variance, true
}
