package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"signet/signer"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
)

// TestEveryInterruption: a keeper ends at its n-th request, for every n of a
// whole rollover, with that request done or not; the next one goes on. Whatever
// n, the ring ends where it ends without any interruption.
func TestEveryInterruption(t *testing.T) {
	t.Parallel()
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s lost=%v", alg, lost), func(t *testing.T) {
				t.Parallel()
				interrupted := 0
				for n := 1; ; n++ {
					if !interruptedAt(t, alg, lost, n) {
						break
					}
					interrupted++
				}
				if interrupted < 20 {
					t.Fatalf("only %d requests were interrupted", interrupted)
				}
			})
		}
	}
}

// coarse is the ring of a test that repeats a rollover many times.
const coarse = time.Minute

// interruptedAt reports whether there was an n-th request.
func interruptedAt(t *testing.T, alg signer.Algorithm, lost bool, n int) bool {
	t.Helper()
	f := newFixture(t, ringOf("r", alg))
	f.edit = func(c *keeper.Config) { c.TrimAfter = 15 * time.Minute }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := &faulty{Vault: f.vault, n: n, lost: lost, fail: func() error {
		cancel()
		return fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, ctx.Err())
	}}
	f.advance(period)
	first := f.keeper(cut)
	done := func() bool { return f.state("r") == state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2} }
	for ctx.Err() == nil && !done() {
		_ = first.Round(ctx) // its only error is ours
		f.advance(coarse)
	}
	if strings.Contains(f.log.String(), "failing") {
		t.Fatalf("a keeper that ends is no failure:\n%s", f.log)
	}
	next := f.keeper(f.vault)
	for range 110 { // less than it takes to rotate again and fence
		if done() {
			return cut.count >= n
		}
		f.round(next)
		f.advance(coarse)
	}
	t.Fatalf("interrupted at request %d the ring ends as %+v\n%s", n, f.state("r"), f.log)
	return false
}

// TestAnyErrorAtAnyRequest: one request fails in any of Vault's ways; the same
// keeper goes on, and the failure is counted.
func TestAnyErrorAtAnyRequest(t *testing.T) {
	t.Parallel()
	for reason, failure := range map[string]error{
		"unavailable": vaultapi.ErrUnavailable, "sealed": vaultapi.ErrSealed, "denied": vaultapi.ErrPermissionDenied,
		"misconfigured": vaultapi.ErrNotFound, "malformed": vaultapi.ErrMalformed, "refused": vaultapi.ErrBadRequest,
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			for n, more := 1, true; more; n++ {
				f := newFixture(t)
				cut := &faulty{Vault: f.vault, n: n, fail: func() error { return failure }}
				k := f.keeper(cut)
				f.advance(period)
				counted := map[string]int{}
				for range 30 {
					if err := k.Round(t.Context()); err != nil {
						counted[reasonSeen(t, f)]++
						if !errors.Is(err, failure) {
							t.Fatalf("request %d: %v, want %v", n, err, failure)
						}
					}
					f.advance(coarse)
				}
				want := map[string]int{}
				if more = cut.count >= n; more {
					want[reason] = 1
				}
				delete(counted, "")
				if reason == "misconfigured" && counted["refused"] == 1 { // not found by a write
					counted = want
				}
				if fmt.Sprint(counted) != fmt.Sprint(want) {
					t.Fatalf("request %d: failures %v, want %v\n%s", n, counted, want, f.log)
				}
				f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
			}
		})
	}
}

// reasonSeen is the one reason counted so far.
func reasonSeen(t *testing.T, f *fixture) string {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "signet_keeper_errors_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetCounter().GetValue() > 0 {
				for _, l := range m.GetLabel() {
					if l.GetName() == "reason" {
						return l.GetValue()
					}
				}
			}
		}
	}
	return ""
}

// TestRefusedActionDoesNotStopOthers: a policy without trim.
func TestRefusedActionDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.vault.Configure("es", 2, 2)
	f.edit = func(c *keeper.Config) { c.TrimAfter = time.Minute }
	f.vault.Fail(func(_, path string) error {
		if strings.HasSuffix(path, "/trim") {
			return vaultapi.ErrPermissionDenied
		}
		return nil
	})
	k := f.keeper(f.vault)
	for range int(period / interval) {
		_ = k.Round(t.Context()) // refused each time
		f.advance(interval)
	}
	f.fails(k, vaultapi.ErrPermissionDenied)
	f.want("es", state{Latest: 3, MinDec: 2, MinEnc: 2})
	if n := f.vault.Calls("write", "transit/keys/es/trim"); n < 100 {
		t.Errorf("tried %d times, want once a round", n)
	}
	if n := strings.Count(f.log.String(), "failing"); n != 1 {
		t.Errorf("%d lines about the same failure, want one", n)
	}
}

// fails wants a round with that error.
func (f *fixture) fails(k *keeper.Keeper, want error) {
	f.t.Helper()
	if err := k.Round(f.t.Context()); !errors.Is(err, want) {
		f.t.Fatalf("%v, want %v\n%s", err, want, f.log)
	}
}

// TestOneRingsErrorsDoNotStopOthers: missing, of another type, unreadable.
func TestOneRingsErrorsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("a", signer.ES256), ringOf("b", signer.RS256), ringOf("c", signer.EdDSA), ringOf("d", signer.ES256))
	f.vault.DeleteKey("a")
	f.vault.CreateKey("b", "ed25519")
	f.vault.Malform("c", 1, "no key")
	k := f.keeper(f.vault)
	f.advance(period)
	err := k.Round(t.Context())
	for _, want := range []string{`ring "a"`, `ring "b"`, `key type "ed25519", not "rsa-2048"`, `ring "c"`, "public_key of version 1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
	f.want("d", state{Latest: 2, MinDec: 1})
	for _, untouched := range []string{"b", "c"} {
		f.want(untouched, state{Latest: 1, MinDec: 1})
	}
}

// TestVaultDown: an outage is two lines of log, and changes nothing but time.
func TestVaultDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keeper(f.vault)
	f.round(k)
	f.vault.Seal(true)
	for range int(period / interval) {
		f.advance(interval)
		f.fails(k, vaultapi.ErrSealed)
	}
	f.vault.Seal(false)
	f.round(k)
	f.want("es", state{Latest: 2, MinDec: 1})
	if n := strings.Count(f.log.String(), "\n"); n != 3 || !strings.Contains(f.log.String(), "works again") {
		t.Errorf("want failing, works again, rotate:\n%s", f.log)
	}
	if got := value(t, f, "signet_keeper_errors_total"); got != float64(period/interval) {
		t.Errorf("%v failed rounds counted", got)
	}
}

// TestClockOutOfStep: neither a wrong clock of ours nor of Vault's moves a ring.
func TestClockOutOfStep(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{7 * time.Second, -7 * time.Second, 10000 * time.Hour, -10000 * time.Hour} {
		f := newFixture(t)
		f.advance(period)
		f.vault.Skew(by)
		if err := f.keeper(f.vault).Round(t.Context()); err == nil || reasonSeen(t, f) != "clock_skew" {
			t.Errorf("a clock wrong by %v: %v, reason %s", by, err, reasonSeen(t, f))
		}
		f.want("es", state{Latest: 1, MinDec: 1})
	}
}

// TestBothClocksMustSaySo: within the limit the later deed counts.
func TestBothClocksMustSaySo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		skew   time.Duration
		noDate bool
		late   time.Duration
	}{
		"Vault is behind": {skew: -4 * time.Second, late: 4 * time.Second},
		"we are behind":   {skew: 4 * time.Second},
		"no Date":         {noDate: true, late: skew},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.vault.Skew(tc.skew)
			f.vault.WithoutDate(tc.noDate)
			f.advance(period + tc.late - time.Second)
			k := f.keeper(f.vault)
			f.round(k)
			f.want("es", state{Latest: 1, MinDec: 1})
			f.advance(time.Second)
			f.round(k)
			f.want("es", state{Latest: 2, MinDec: 1})
		})
	}
}

// TestLooksAgain: what changes between the decision and the write is seen.
func TestLooksAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		arrange func(f *fixture)
		meddle  func(f *fixture)
		want    state
	}{
		"rotated by somebody else": {
			func(*fixture) {},
			func(f *fixture) { f.vault.Rotate("es") },
			state{Latest: 2, MinDec: 1},
		},
		"fenced further": {
			func(f *fixture) { f.vault.Rotate("es"); f.vault.Rotate("es") },
			func(f *fixture) { f.vault.Configure("es", 1, 3) },
			state{Latest: 3, MinDec: 1, MinEnc: 3},
		},
		"fence taken away": {
			func(f *fixture) { f.vault.Rotate("es"); f.vault.Configure("es", 1, 2) },
			func(f *fixture) { f.vault.Configure("es", 1, 1) },
			state{Latest: 2, MinDec: 1, MinEnc: 2}, // raised again, and nothing retired
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			tc.arrange(f)
			reads := 0
			k := f.keeper(f.vault)
			f.round(k)
			f.advance(period)
			f.vault.Hook(func(_ context.Context, op, _ string) {
				if op == "read" {
					if reads++; reads == 2 {
						tc.meddle(f)
					}
				}
			})
			f.round(k)
			f.vault.Hook(nil)
			got := f.state("es")
			got.Latest = min(got.Latest, tc.want.Latest) // the last case rotates too: it is old enough
			if got != tc.want {
				t.Fatalf("%+v, want %+v\n%s", got, tc.want, f.log)
			}
		})
	}
}

// TestOncePerRound: a standby that does not show yet what was done must not
// have it done again and again.
func TestOncePerRound(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	lagging := &stale{Vault: f.vault}
	f.advance(period)
	_ = f.keeper(lagging).Round(t.Context())
	if n := f.vault.Calls("write", "transit/keys/es/rotate"); n != 1 {
		t.Errorf("%d rotations in a round", n)
	}
}

// stale answers every read as the first one.
type stale struct {
	keeper.Vault
	first func(out any)
}

func (s *stale) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	meta, err := s.Vault.Read(ctx, path, out)
	if s.first == nil {
		s.first = copier(out)
	}
	s.first(out)
	return meta, err
}

// TestSeveralKeepers: up to four keepers whose requests interleave in any way,
// each at its own pace, restarted at any time. No minimum is ever lowered, no
// version retired early, and the ring ends in a right state.
func TestSeveralKeepers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t, ringOf("r", rapid.SampledFrom([]signer.Algorithm{signer.EdDSA, signer.HS256}).Draw(rt, "alg")))
		keepers := make([]*keeper.Keeper, rapid.IntRange(2, 4).Draw(rt, "keepers"))
		for i := range keepers {
			keepers[i] = f.keeper(f.vault)
		}
		others := 0 // keepers at work inside another's request
		f.vault.Hook(func(ctx context.Context, _, _ string) {
			if others >= len(keepers)-1 || !rapid.Bool().Draw(rt, "meanwhile") {
				return
			}
			others++
			defer func() { others-- }()
			_ = keepers[others].Round(ctx)
		})
		defer f.vault.Hook(nil)
		fencedAt := map[int]time.Time{}
		last := f.state("r")
		for range rapid.IntRange(20, 60).Draw(rt, "rounds") {
			f.advance(time.Duration(rapid.IntRange(1, 300).Draw(rt, "seconds")) * time.Second)
			if rapid.IntRange(0, 9).Draw(rt, "event") == 0 {
				keepers[0] = f.keeper(f.vault)
			}
			_ = keepers[0].Round(t.Context())
			now := f.state("r")
			if now.MinEnc > last.MinEnc {
				fencedAt[now.MinEnc] = f.now()
			}
			if now.MinDec < last.MinDec || now.MinEnc < last.MinEnc || now.MinDec > max(1, now.MinEnc) {
				rt.Fatalf("%+v became %+v\n%s", last, now, f.log)
			}
			if at, ok := fencedAt[now.MinDec]; now.MinDec > last.MinDec && (!ok || f.now().Sub(at) < retireDue) {
				rt.Fatalf("%+v became %+v, %v after its fence\n%s", last, now, f.now().Sub(at), f.log)
			}
			last = now
		}
		f.vault.Hook(nil)
		f.advance(fenceDue)
		for range int(retireDue/coarse) + 20 {
			f.advance(coarse)
			f.round(keepers[0])
		}
		if end := f.state("r"); end.Latest-end.MinDec > 2 {
			rt.Fatalf("the ring ends as %+v\n%s", end, f.log)
		}
	})
}

// TestRun: an interval, jittered; errors do not end it, its context does.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.clock = nil
		f.vault.Fail(func(string, string) error { return vaultapi.ErrSealed })
		k := keeper.New(keeper.Config{Vault: f.vault, Rings: f.rings})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		began := time.Now()
		time.Sleep(1000 * time.Second) // a bubble's: takes no time
		if n := f.vault.Calls("read", "transit/keys/es"); n < 101 || n > 126 {
			t.Errorf("%d rounds in %v, want one in 8 to 10 s", n, time.Since(began))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
