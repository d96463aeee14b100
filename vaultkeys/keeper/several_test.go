package keeper_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
)

// TestLooksAgain: what changes between the decision and the write is seen.
func TestLooksAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ring    vaultkeys.RingConfig
		arrange func(f *fixture)
		meddle  func(f *fixture)
		want    state
		writes  int
	}{
		"rotated by somebody else": {
			ringOf("r", signer.ES256),
			func(*fixture) {},
			func(f *fixture) { f.vault.Rotate("r") },
			state{Latest: 2, MinDec: 1},
			0,
		},
		"fenced by somebody else": {
			unrotated("r", signer.ES256),
			func(f *fixture) { f.vault.Rotate("r"); f.vault.Rotate("r") },
			func(f *fixture) { f.vault.Configure("r", 1, 3) },
			state{Latest: 3, MinDec: 1, MinEnc: 3},
			0,
		},
		"fence taken away": { // it is raised again, and nothing is retired
			unrotated("r", signer.ES256),
			func(f *fixture) { f.vault.Rotate("r"); f.vault.Configure("r", 1, 2) },
			func(f *fixture) { f.vault.Configure("r", 1, 1) },
			state{Latest: 2, MinDec: 1, MinEnc: 2},
			1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, tc.ring)
			tc.arrange(f)
			k := f.keeper(f.vault)
			f.round(k)
			f.advance(period)
			reads := 0
			f.vault.Hook(func(_ context.Context, op, _ string) {
				if op == "read" {
					if reads++; reads == 2 {
						tc.meddle(f)
					}
				}
			})
			f.round(k)
			f.vault.Hook(nil)
			f.want("r", tc.want)
			writes := f.vault.Calls("write", "transit/keys/r/config") + f.vault.Calls("write", "transit/keys/r/rotate")
			if writes != tc.writes {
				t.Errorf("%d writes, want %d\n%s", writes, tc.writes, f.log)
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
