package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
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
	cut := &vaulttest.Cut{Conn: f.vault, N: n, Lost: lost, Fail: func() error {
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
			return cut.Count >= n
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
				cut := &vaulttest.Cut{Conn: f.vault, N: n, Fail: func() error { return failure }}
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
				if more = cut.Count >= n; more {
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
