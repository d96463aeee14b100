package keeper_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
)

// noted are the kids that replicas noted.
type noted struct {
	kids map[int]string
	err  error
}

func (n *noted) Recall(context.Context, string) (map[int]string, error) { return n.kids, n.err }

// TestRevokedHMACVersionIsNoFence: a keeper learns an HS256 version's kid from
// the replicas' notes, and so what is revoked.
func TestRevokedHMACVersionIsNoFence(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	notes := &noted{kids: map[int]string{1: "one", 2: "two"}}
	f.edit = func(c *keeper.Config) {
		c.KIDs, c.Revoked = notes, vaultkeys.NewRevokedKIDs(nil, []string{"two", ""})
	}
	k := f.keeper(f.vault)
	f.vault.Rotate("hs")
	f.pass(k, 10*interval)
	f.want("hs", state{Latest: 2, MinDec: 1})
	f.vault.Rotate("hs") // nobody has noted the third one yet
	near(t, "fenced", f.until(k, "hs", time.Hour), interval+skew)
	f.want("hs", state{Latest: 3, MinDec: 1, MinEnc: 3})

	f.edit = func(c *keeper.Config) {
		c.KIDs, c.Revoked = notes, vaultkeys.NewRevokedKIDs(nil, []string{"one", "two", "three"})
	}
	notes.kids[3] = "three"
	if err := f.keeper(f.vault).Round(t.Context()); err == nil || !strings.Contains(err.Error(), "no version may sign") {
		t.Errorf("all revoked: %v", err)
	}
}

// TestHMACNeedsItsKIDs: while the notes cannot be read, nothing happens to an
// HS256 ring; other rings need none.
func TestHMACNeedsItsKIDs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256), ringOf("es", signer.ES256))
	notes := &noted{err: errInjected}
	f.edit = func(c *keeper.Config) { c.KIDs = notes }
	k := f.keeper(f.vault)
	f.vault.Rotate("hs")
	f.advance(period)
	for range 5 {
		if err := k.Round(t.Context()); !errors.Is(err, errInjected) {
			t.Fatalf("Round: %v", err)
		}
		f.advance(interval)
	}
	f.want("hs", state{Latest: 2, MinDec: 1})
	f.want("es", state{Latest: 2, MinDec: 1})
	if reason := reasonSeen(t, f); reason != "redis" {
		t.Errorf("reason %q", reason)
	}
	if strings.Count(f.log.String(), "what=kids") != 1 {
		t.Errorf("log:\n%s", f.log)
	}
	notes.err = nil
	f.pass(k, 3*interval)
	f.want("hs", state{Latest: 2, MinDec: 1, MinEnc: 2})
}

// TestReusedHMACNumbersAreSafe: a key was deleted and made anew, and Redis
// remembers its numbers as old. What is early by that is rotation alone, until
// the numbers are new ones: a fence waits until replicas have read its version,
// and a retirement until the tokens are over, both on the keeper's own clock.
func TestReusedHMACNumbersAreSafe(t *testing.T) {
	t.Parallel()
	const remembered = 6
	f := newFixture(t, ringOf("hs", signer.HS256))
	for n := 1; n <= remembered; n++ {
		if _, err := f.times.FirstSeen(t.Context(), "hs", n, f.now().Add(-1000*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	k := f.keeper(f.vault)
	rotated, fenced := map[int]time.Time{1: f.now()}, map[int]time.Time{}
	last := f.state("hs")
	for last.Latest <= remembered {
		if f.now().Sub(rotated[1]) > 24*time.Hour {
			t.Fatalf("still %+v\n%s", last, f.log)
		}
		f.pass(k, interval)
		now := f.state("hs")
		for n := last.Latest + 1; n <= now.Latest; n++ {
			rotated[n] = f.now()
		}
		if now.MinEnc > last.MinEnc {
			fenced[now.MinEnc] = f.now()
			if stood := f.now().Sub(rotated[now.MinEnc]); stood < interval+skew {
				t.Errorf("version %d was fenced %v after it was made", now.MinEnc, stood)
			}
		}
		if now.MinDec > max(1, last.MinDec) {
			if stood := f.now().Sub(fenced[now.MinDec]); stood < retireDue {
				t.Errorf("retired below version %d, %v after its fence", now.MinDec, stood)
			}
		}
		if live := now.Latest - max(1, now.MinDec) + 1; live > 3 {
			t.Errorf("%d live versions: %+v", live, now)
		}
		last = now
	}
	for f.state("hs").Latest == last.Latest {
		f.pass(k, interval)
	}
	near(t, "rotated once the numbers are new", f.now().Sub(rotated[last.Latest]), period)
}
