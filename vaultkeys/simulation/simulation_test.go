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
	if raced {
		cfg.verifiers, cfg.first, cfg.bursts = 300, 4, 6
	}
	synctest.Test(t, func(t *testing.T) { out = simulate(t.Context(), seed, cfg) })
	t.Logf("seed %d:\n%s", seed, out)
	return out
}

// seeds is how many runs there are of each kind: SIGNET_SOAK of them for a long test.
func seeds(t *testing.T) uint64 {
	t.Helper()
	switch text := os.Getenv("SIGNET_SOAK"); text {
	case "":
		return 1
	case "1":
		return 20
	default:
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			t.Fatalf("SIGNET_SOAK=%s: write a number of seeds, or 1 for 20", text)
		}
		return n
	}
}

// TestSimulation: two years with the configuration's defaults and with the
// shortest delays that its guards allow. Nothing that Signet promises breaks.
func TestSimulation(t *testing.T) {
	t.Parallel()
	for seed := range seeds(t) {
		for name, cfg := range map[string]settings{"defaults": defaults(), "tight": tight()} {
			t.Run(name+"/"+strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				if raced {
					cfg.length /= 5
				}
				r := run(t, seed, cfg)
				for _, v := range r.violations {
					t.Error(v)
				}
				r.lively(t, cfg)
			})
		}
	}
}

// TestSeedDeterminesTheRun: what a seed finds, it finds again.
func TestSeedDeterminesTheRun(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	cfg.length, cfg.verifiers, cfg.emergencies, cfg.restores = 20*day, 100, 4*day, 5*day
	if one, two := run(t, 7, cfg), run(t, 7, cfg); one.String() != two.String() {
		t.Errorf("one run shows\n%s\nthe same again\n%s", one, two)
	}
	if one, two := run(t, 7, cfg), run(t, 8, cfg); one.String() == two.String() {
		t.Error("two seeds make the same run")
	}
}

// lively wants that all of it happened: what never happened breaks nothing.
func (r *report) lively(t *testing.T, cfg settings) {
	t.Helper()
	months := int(cfg.length / (30 * day))
	for what, least := range map[string]int{
		"rotations by " + bySchedule: months / 4, "rotations by " + byHand: months / 2, "fences": months, "retirements": months,
		"tokens": 400 * months, "tokens asked for": 400 * months, "introspections": 1000 * months, "comparisons of replicas": 400 * months,
		"tokens signed anew with another version": 1, "restarts of replicas": 20 * months, "rests of keepers": months,
		"outages of Vault": months / 3, "outages of Redis": months / 3, "losses of what Redis held": months / 6, "takeovers at Vault": months,
		"deployments": months / 4, "revocations": months / 8, "restores": months / 10,
		"restores that bring a revoked key back": months / 24, "forged tokens": 10 * months,
		"verifications, verifier " + honours.String(): 1000 * months, "verifications, verifier " + honoursAsks.String(): 500 * months,
		"verifications, verifier " + fixed15m.String(): 200 * months, "verifications, verifier " + twoHours.String(): 50 * months,
	} {
		if r.counts[what] < least {
			t.Errorf("seed %d: %s: %d, want %d or more in %d months", r.seed, what, r.counts[what], least, months)
		}
	}
	if cfg.trimAfter > 0 && r.counts["trims"] == 0 {
		t.Errorf("seed %d: nothing was trimmed", r.seed)
	}
	if n := r.counts["tokens"]; n < r.counts["tokens asked for"]/2 {
		t.Errorf("seed %d: only %d tokens of %d were signed", r.seed, n, r.counts["tokens asked for"])
	}
}
