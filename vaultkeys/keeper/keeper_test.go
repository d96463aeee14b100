package keeper_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
)

// near allows for one interval, for the whole seconds of Vault's Date, and for
// a round that first has to see what the one before did.
func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if late := got - want; late < 0 || late > 3*interval {
		t.Errorf("%s after %v, want %v", what, got, want)
	}
}

// TestRotationRunsByItself: generate, fence, retire, for a week.
func TestRotationRunsByItself(t *testing.T) {
	t.Parallel()
	for _, alg := range []signer.Algorithm{signer.ES256, signer.EdDSA, signer.RS256, signer.HS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, ringOf("r", alg))
			k := f.keeper(f.vault)
			f.round(k)
			fence := fenceDue
			if alg.Symmetric() {
				fence = interval + skew // nothing to publish
			}
			for n := 2; n <= 7; n++ {
				rotated := f.until(k, "r", 2*period)
				f.want("r", state{Latest: n, MinDec: n - 1, MinEnc: previousFence(n)})
				fenced := f.until(k, "r", period)
				f.want("r", state{Latest: n, MinDec: n - 1, MinEnc: n})
				near(t, "fenced", fenced, fence)
				retired := f.until(k, "r", period)
				f.want("r", state{Latest: n, MinDec: n, MinEnc: n})
				near(t, "retired", retired, retireDue)
				if n > 2 { // the first one counts from when the ring was made
					rotated += fence + retireDue
				}
				if late := rotated - period; late < -2*interval || late > 4*interval {
					t.Errorf("rotated at the age of %v, want %v", rotated, period)
				}
			}
		})
	}
}

func previousFence(n int) int {
	if n == 2 {
		return 0 // nobody fences the only version
	}
	return n - 1
}

// TestManualRotations: three within a second, in the middle of nothing and in
// the middle of a rollover.
func TestManualRotations(t *testing.T) {
	t.Parallel()
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, ringOf("r", alg))
			k := f.keeper(f.vault)
			f.pass(k, time.Minute)
			for range 3 {
				f.vault.Rotate("r")
				f.advance(300 * time.Millisecond)
			}
			f.pass(k, fenceDue+2*interval)
			f.want("r", state{Latest: 4, MinDec: 1, MinEnc: 4})
			f.vault.Rotate("r")
			f.vault.Rotate("r")
			f.pass(k, retireDue)
			f.want("r", state{Latest: 6, MinDec: 4, MinEnc: 6})
			f.pass(k, retireDue+2*interval)
			f.want("r", state{Latest: 6, MinDec: 6, MinEnc: 6})
		})
	}
}

// TestARestartWaitsAgain: how long a fence has stood is what this keeper saw.
func TestARestartWaitsAgain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first := f.keeper(f.vault)
	f.vault.Rotate("es")
	f.round(first)
	f.until(first, "es", period)
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	f.pass(first, retireDue-interval)
	second := f.keeper(f.vault)
	f.round(second)
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	near(t, "retired", f.until(second, "es", period), retireDue)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestKeptForDays: a keeper that stopped for days does what is due, in order.
func TestKeptForDays(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.pass(f.keeper(f.vault), time.Minute)
	f.advance(5 * period)
	k := f.keeper(f.vault)
	f.round(k)
	f.want("es", state{Latest: 2, MinDec: 1})
	f.advance(5 * period)
	k = f.keeper(f.vault)
	f.round(k)
	f.want("es", state{Latest: 3, MinDec: 1}) // the fence waits until the keeper has seen the version for a moment
	f.pass(k, 2*interval)
	f.want("es", state{Latest: 3, MinDec: 1, MinEnc: 2})
}

// TestFenceLowered: somebody lowered the minimum; the fence is raised again
// and has to stand anew.
func TestFenceLowered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keeper(f.vault)
	f.vault.Rotate("es")
	f.round(k)
	f.until(k, "es", period)
	f.pass(k, retireDue-2*interval)
	f.vault.Configure("es", 1, 0)
	f.pass(k, interval)
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	f.pass(k, retireDue-2*interval)
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	f.pass(k, 4*interval)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestTrim: only if asked to, only after the time that all keepers have seen,
// and only after a while that this keeper has seen.
func TestTrim(t *testing.T) {
	t.Parallel()
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, unrotated("r", alg))
			f.vault.Rotate("r")
			f.vault.Configure("r", 2, 2)
			keeperOf := func(after time.Duration) *keeper.Keeper {
				f.edit = func(c *keeper.Config) { c.TrimAfter = after }
				return f.keeper(f.vault)
			}
			f.round(keeperOf(0)) // takes no notes
			f.advance(5 * time.Hour)
			f.round(keeperOf(5 * time.Hour)) // the first that does
			f.advance(5*time.Hour - 30*time.Minute)
			early, patient := keeperOf(5*time.Hour), keeperOf(6*time.Hour)
			f.round(early)
			f.round(patient)
			f.pass(early, 30*time.Minute-interval) // its own clock agrees, the notes do not
			f.want("r", state{Latest: 2, MinDec: 2, MinEnc: 2})
			f.advance(interval)
			late := keeperOf(5 * time.Hour) // the notes agree, its own clock does not
			f.round(late)
			f.pass(late, retireDue-interval)
			f.round(patient)
			f.want("r", state{Latest: 2, MinDec: 2, MinEnc: 2})
			f.pass(late, 2*interval)
			f.want("r", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
			f.round(patient)
			f.round(early)
		})
	}
}

// unrotated is a ring whose age does not matter.
func unrotated(name string, alg signer.Algorithm) vaultkeys.RingConfig {
	r := ringOf(name, alg)
	r.Policy.RotationPeriod = 10000 * time.Hour
	return r
}

// TestTrimNeedsItsNotes: without Redis nothing is deleted.
func TestTrimNeedsItsNotes(t *testing.T) {
	t.Parallel()
	f := newFixture(t, unrotated("es", signer.ES256))
	f.vault.Rotate("es")
	f.vault.Configure("es", 2, 2)
	f.edit = func(c *keeper.Config) { c.TrimAfter = 5 * time.Hour }
	f.times.err = errInjected
	k := f.keeper(f.vault)
	f.pass(k, 8*time.Hour)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
	f.times.err = nil
	f.pass(k, 6*time.Hour)
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
}

// TestRevokedVersionIsNoFence: replicas sign with no revoked version, so a
// fence at one would leave them none.
func TestRevokedVersionIsNoFence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	kid := kidOf(t, f, "es", 2)
	f.edit = func(c *keeper.Config) { c.Revoked = vaultkeys.NewRevokedKIDs(nil, []string{kid}) }
	k := f.keeper(f.vault)
	f.pass(k, fenceDue+10*interval)
	f.want("es", state{Latest: 2, MinDec: 1})
	f.vault.Rotate("es")
	f.pass(k, fenceDue+2*interval)
	f.want("es", state{Latest: 3, MinDec: 1, MinEnc: 3})

	f.edit = func(c *keeper.Config) {
		c.Revoked = vaultkeys.NewRevokedKIDs(nil, []string{kid, kidOf(t, f, "es", 1), kidOf(t, f, "es", 3)})
	}
	if err := f.keeper(f.vault).Round(t.Context()); err == nil || !strings.Contains(err.Error(), "no version may sign") {
		t.Errorf("all revoked: %v", err)
	}
}

// TestLogTellsWhat: each action, with ring, version and why; and the public
// keys that Vault will list no more.
func TestLogTellsWhat(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	kid := kidOf(t, f, "es", 1)
	k := f.keeper(f.vault)
	f.round(k)
	for range 3 {
		f.until(k, "es", 2*period)
	}
	for _, want := range []string{
		`msg="keeper: rotate" ring=es version=2 why="version 1 is 1h0m0s old"`,
		`msg="keeper: fence" ring=es version=2 why="every replica signs`,
		`msg="keeper: retire" ring=es version=2 why="Vault has signed with nothing below version 2 for 11m0s"`,
		fmt.Sprintf(`msg="keeper: retired" ring=es version=1 kid=%s`, kid), "BEGIN PUBLIC KEY",
	} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, f.log)
		}
	}
	if n := strings.Count(f.log.String(), "keeper: retired"); n != 1 {
		t.Errorf("%d public keys in the log, want one", n)
	}
}
