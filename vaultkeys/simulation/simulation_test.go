package simulation

import (
	"os"
	"strconv"
	"testing"
	"testing/synctest"
)

// run is one run, in a bubble so that the pauses between reads take no time.
func run(t *testing.T, seed uint64, cfg settings) (out *report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { out = simulate(t.Context(), seed, cfg) })
	t.Logf("seed %d:\n%s", seed, out)
	return out
}

func TestSimulation(t *testing.T) {
	t.Parallel()
	seeds := uint64(2)
	if n, err := strconv.ParseUint(os.Getenv("SIGNET_SOAK"), 10, 16); err == nil {
		seeds = n
	}
	for seed := range seeds {
		for name, cfg := range map[string]settings{"defaults": defaults(), "tight": tight()} {
			t.Run(name+"/"+strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				r := run(t, seed, cfg)
				for _, v := range r.violations {
					t.Error(v)
				}
			})
		}
	}
}
