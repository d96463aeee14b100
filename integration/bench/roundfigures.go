package main

// The figures of a round that are compared.
func rateOf(r round) float64 { return r.rate }
func p50Of(r round) float64  { return r.p50 }
func p99Of(r round) float64  { return r.p99 }
func p999Of(r round) float64 { return r.p999 }

// timeOf is how long one token takes, of whatever is asked for together or at the
// same time.
func timeOf(r round) float64 { return 1 / r.rate }

// signetPeak is in MB.
func signetPeak(r round) float64 { return float64(r.peak[signetProcess]) / (1 << 20) }

// serviceCPU is what a signature costs whoever serves it, in ms of a core: Vault,
// Redis and Signet together, or the floor. The side that is not asked is nearly
// idle, so the greater counts.
func serviceCPU(r round) float64 {
	return max(r.cpu[vaultProcess]+r.cpu[redisProcess]+r.cpu[signetProcess], r.cpu[floorProcess]) / 1000
}
