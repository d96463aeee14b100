package integration_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"signet/integration"
)

// soak is for the long run: `make soak`.
func soak() bool { return os.Getenv("SIGNET_SOAK") != "" }

// rolling are times by which a rotation comes every eight seconds: nearly the
// shortest that the guards allow. A version lives for 20.9 s until a keeper may
// retire it, and three periods leave a slow machine 3 s to do so.
var rolling = integration.KeyTimes{
	PublishDelay: 5200 * time.Millisecond, MaxTTL: 2 * time.Second, RotationPeriod: 8 * time.Second, RetireMargin: 5200 * time.Millisecond,
	RefreshInterval: 200 * time.Millisecond, JWKSMaxAge: 2 * time.Second, StaleIfError: time.Second, ClockSkew: time.Second,
	TTL: 2 * time.Second,
}

// TestRotationsUnderLoad: while the keepers of three replicas rotate, and somebody else by hand
// three times within a second, no caller is refused, no verifier that caches the JWK set for as long as it may refuses a token, every
// token is of the version that Vault's times and the configuration say, and a
// keeper never makes more than three live versions. 100 rotations with
// SIGNET_SOAK=1, else as many as come in 45 seconds.
func TestRotationsUnderLoad(t *testing.T) {
	const ring = "signet-es256"
	wanted, atMost, connections := 100, time.Hour, 16
	if !soak() {
		wanted, atMost, connections = 1000, 45*time.Second, 3
	}
	stack := integration.New(t, &integration.Options{Replicas: 3, Times: &rolling, Keeper: true, LogLevel: "warn"})
	line := newTimeline(t, stack.Vault, ring, rolling.PublishDelay)
	seen := make([]atomic.Int64, 2000)
	tr := &traffic{stack: stack, replicas: []*integration.Signet{stack.Signet(0), stack.Signet(1), stack.Signet(2)}}
	tr.judge = func(_ int, kid string, began, ended time.Time) error {
		version, err := line.judge(kid, began, ended)
		seen[version].Add(1)
		return err
	}
	tr.start(t, connections)

	began, nextByHand, nextLine := time.Now(), 3, 0
	integration.Eventually(t, atMost+time.Minute, "enough rotations", func() bool {
		line.look(t)
		if n, first := tr.failures.report(); n > 0 {
			t.Fatalf("%d failures, first of all:\n%s", n, first)
		}
		if line.rotations >= nextByHand {
			nextByHand += 25
			for range 3 {
				line.rotate(t)
			}
		}
		if line.rotations >= nextLine {
			nextLine += 10
			t.Logf("%v: %d rotations, %d tokens, %d verified", time.Since(began).Round(time.Second), line.rotations, tr.issued.Load(), tr.verified.Load())
		}
		return line.rotations >= wanted || time.Since(began) >= atMost
	})
	took := time.Since(began)
	asked := began.Add(took) // nobody asks for a token later: stop waits for those that were issued to be verified
	tr.stop()
	line.look(t)

	used := 0
	for _, s := range *line.known.Load() {
		used += min(1, int(seen[s.version].Load()))
		if asked.Sub(s.from) > time.Second && line.signing(s.from.Add(time.Second)) == s && seen[s.version].Load() == 0 {
			t.Errorf("version %d had its time and signed nothing", s.version)
		}
	}
	failed, first := tr.failures.report()
	t.Logf("%v: %d rotations, %d of them by hand; %d tokens (%.0f/s), of %d versions; %d verified, %d introspected; %d failures; at most %d live versions of the keepers'",
		took.Round(time.Second), line.rotations, len(line.byHand), tr.issued.Load(), float64(tr.issued.Load())/took.Seconds(), used,
		tr.verified.Load(), tr.introspected.Load(), failed, line.mostAlive)
	if failed > 0 {
		t.Errorf("failures:\n%s", first)
	}
	if late, all := tr.late.Load(), tr.verified.Load(); late > all/20 {
		t.Errorf("%d tokens were verified after their exp, %d before", late, all)
	}
	if undecided, all := tr.undecided.Load(), tr.introspected.Load(); undecided > all/20 {
		t.Errorf("%d of %d introspections were not decided", undecided, all)
	}
	if line.rotations < 6 || tr.verified.Load() < 1000 || tr.introspected.Load() < 10 || line.last.MinDec < 3 {
		t.Errorf("too little happened: %+v", line.last)
	}
}
