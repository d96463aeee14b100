package manual_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/manual"
)

// TestRetireBelievesNoEarlierFence: Redis cannot say that a version was a fence
// before it was made.
func TestRetireBelievesNoEarlierFence(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	made := f.now
	f.advance(delay)
	f.vault.Configure("es", 1, 2)
	s := lifecycle.Standing{}
	s.See(2, f.now.Add(-24*time.Hour))
	f.redis.fences["es"] = s
	p, err := f.planRetire(manual.Retire{})
	refuses(t, p, err, "the last of them is over at "+made.Add(alive).Format("2006-01-02 15:04:05"))
	if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, "before version 2 was made") {
		t.Errorf("notes: %s", notes)
	}
	f.advance(alive - delay)
	p, err = f.planRetire(manual.Retire{})
	refuses(t, p, err)
}

// TestTrimBelievesNoEarlierRetirement: the same for min_decryption_version.
func TestTrimBelievesNoEarlierRetirement(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.advance(delay)
	f.vault.Configure("es", 2, 2)
	f.look()
	for name := range f.redis.seen {
		f.redis.seen[name] = f.now.Add(-24 * time.Hour)
	}
	p, err := f.planTrim()
	refuses(t, p, err, "version 1: first seen retired at")
	if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, "before version 2 was made") {
		t.Errorf("notes: %s", notes)
	}
}

// TestRotateBelievesNoRecord: an entry that somebody put on the list before
// does not make a version that was there already new enough.
func TestRotateBelievesNoRecord(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.redis.revoked[f.kid("es", 2)] = manual.Revocation{Ring: "es", Version: 2, At: f.now.Add(-24 * time.Hour)}
	if _, out, err := f.revoke(manual.Suspects{Version: 2, Rotate: true}); err != nil || out.Signs["es"] != 4 {
		t.Fatalf("%+v, %v", out, err)
	}
	for _, s := range []manual.Suspects{{Version: 2, Above: 3}, {Version: 2, Rotate: true, Above: 5}, {All: true, Rotate: true, Above: 3}} {
		if _, err := f.operator().PlanRevoke(t.Context(), s); !errors.Is(err, manual.ErrChoice) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

// TestReadOnly: a look at another Vault leaves nothing in Redis.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("es", signer.ES256), ringOf("hs", signer.HS256))
	clear(f.redis.seen)
	clear(f.redis.fences)
	clear(f.redis.kids["hs"])
	f.cfg.ReadOnly = true
	f.look()
	if len(f.redis.seen)+len(f.redis.fences)+len(f.redis.kids["hs"]) > 0 {
		t.Errorf("%+v", f.redis)
	}
}

// TestTimesOutOfRange: what no clock says is not known.
func TestTimesOutOfRange(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("es", signer.ES256), ringOf("hs", signer.HS256))
	for _, at := range []time.Time{time.UnixMilli(0), time.UnixMilli(1 << 60), f.now.AddDate(2, 0, 0)} {
		f.redis.revoked[foreign] = manual.Revocation{At: at}
		f.redis.seen["hs 1"] = at
		f.redis.uses[f.kid("es", 1)] = manual.KIDUse{Issued: 1, LastIssued: at}
		l := f.look()
		if use := row(t, l, "es", 1).Use; !l.Revoked[0].At.IsZero() || !row(t, l, "hs", 1).CreatedAt.IsZero() || !use.LastIssued.IsZero() {
			t.Errorf("%v: %+v", at, l)
		}
	}
}
