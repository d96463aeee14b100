package manual_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/manual"
)

// row is a version by its number.
func row(t *testing.T, l *manual.Listing, ring string, number int) manual.VersionListing {
	t.Helper()
	for _, r := range l.Rings {
		for _, v := range r.Versions {
			if r.Name == ring && v.Number == number {
				return v
			}
		}
	}
	t.Fatalf("no version %d of ring %s in %+v", number, ring, l)
	return manual.VersionListing{}
}

// TestListThroughALife: what the list says of version 1 and 2 at each step of a
// rollover.
func TestListThroughALife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	made := f.now.Add(-time.Hour)
	want := func(number int, state lifecycle.State, signsFrom, signsUntil, retiresAt manual.When) {
		t.Helper()
		v := row(t, f.look(), "es", number)
		if v.State != state || v.KID != f.kid("es", number) {
			t.Errorf("version %d: %s %s", number, v.KID, v.State)
		}
		for what, pair := range map[string][2]manual.When{"signs from": {v.SignsFrom, signsFrom}, "signs until": {v.SignsUntil, signsUntil}, "retires at": {v.RetiresAt, retiresAt}} {
			got, want := pair[0], pair[1]
			if !got.At.Equal(want.At) || got.Planned != want.Planned || (want.At.IsZero() || want.Planned) != (got.Why != "") {
				t.Errorf("version %d, %s: %+v, want %+v", number, what, got, want)
			}
		}
	}
	at := func(at time.Time) manual.When { return manual.When{At: at} }
	planned := func(at time.Time) manual.When { return manual.When{At: at, Planned: true} }
	none := manual.When{}
	fence := interval + skew

	// Alone; a rotation is due now, after an hour.
	f.advance(-time.Minute)
	want(1, lifecycle.Active, at(made), planned(made.Add(period+delay)), none)
	f.advance(time.Minute)
	want(1, lifecycle.Active, at(made), none, none)

	f.vault.Rotate("es")
	second := f.now
	signs := second.Add(delay)
	f.advance(time.Minute)
	want(2, lifecycle.Published, at(signs), planned(second.Add(period+delay)), none)
	want(1, lifecycle.Active, at(made), at(signs), planned(signs.Add(fence+alive)))

	f.advance(delay)
	want(2, lifecycle.Active, at(signs), planned(second.Add(period+delay)), none)
	want(1, lifecycle.Retiring, at(made), at(signs), planned(f.now.Add(alive)))

	f.vault.Configure("es", 1, 2)
	fenced := f.now.Add(time.Second) // Vault's Date is up to a second behind
	want(1, lifecycle.Retiring, at(made), at(signs), at(fenced.Add(alive)))
	f.advance(time.Hour)
	want(1, lifecycle.Retiring, at(made), at(signs), at(fenced.Add(alive)))

	f.vault.Configure("es", 2, 2)
	if v := row(t, f.look(), "es", 1); v.State != manual.Retired || v.KID != "" || !v.SignsFrom.At.IsZero() {
		t.Errorf("%+v", v)
	}
	f.trim(2)
	if v := row(t, f.look(), "es", 1); v.State != manual.Trimmed {
		t.Errorf("%+v", v)
	}
}

func (f *fixture) trim(below int) {
	f.t.Helper()
	if _, err := f.vault.Write(f.t.Context(), "transit/keys/es/trim", map[string]string{"min_available_version": fmt.Sprint(below)}, nil); err != nil {
		f.t.Fatal(err)
	}
}

// TestListFirstVersion: it signs at once, before its publish_delay is over.
func TestListFirstVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Created("es", 1, f.now)
	for range 2 { // before and after
		v := row(t, f.look(), "es", 1)
		if v.State != lifecycle.Active || !v.SignsFrom.At.Equal(v.CreatedAt) {
			t.Errorf("%+v", v)
		}
		f.advance(2 * delay)
	}
}

// TestListPromotedVersion: a fence made it sign before its publish_delay was over.
func TestListPromotedVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.advance(time.Minute)
	f.vault.Configure("es", 2, 2)
	f.look()
	promoted := f.now.Add(time.Second) // Vault's Date is up to a second behind
	f.advance(2 * delay)
	if v := row(t, f.look(), "es", 2); !v.SignsFrom.At.Equal(promoted) {
		t.Errorf("signs from %+v, want %v", v.SignsFrom, promoted)
	}
}

func TestListAges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		age  time.Duration
		over manual.Over
	}{
		{period, manual.OverNothing},
		{period + time.Second, manual.OverRotationPeriod},
		{17520 * time.Hour, manual.OverRotationPeriod},
		{17520*time.Hour + time.Second, manual.OverCryptoperiod},
	} {
		f := newFixture(t)
		f.vault.Created("es", 1, f.now.Add(-c.age))
		if v := row(t, f.look(), "es", 1); v.Age != c.age || v.Over != c.over {
			t.Errorf("%v: age %v over %q, want %q", c.age, v.Age, v.Over, c.over)
		}
		f.vault.Rotate("es")
		f.advance(delay)
		if v := row(t, f.look(), "es", 1); v.State != lifecycle.Retiring || v.Over != manual.OverNothing {
			t.Errorf("one that signs no more is over nothing: %+v", v)
		}
	}
}

// TestListRevoked: a revoked version signs never, and the entries say where
// they are.
func TestListRevoked(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	two, one := f.kid("es", 2), f.kid("es", 1)
	f.cfg.RevokedKIDs = []string{one, foreign}
	f.redis.revoked[two] = manual.Revocation{Ring: "es", Version: 2, At: f.now}
	f.redis.revoked[foreign] = manual.Revocation{}
	l := f.look()
	for number, want := range map[int]lifecycle.State{1: manual.Revoked, 2: manual.Revoked, 3: lifecycle.Active} {
		if v := row(t, l, "es", number); v.State != want {
			t.Errorf("version %d: %+v", number, v)
		}
	}
	want := map[string]manual.RevokedKID{
		one:     {KID: one, InConfig: true, ListedBy: "es"},
		two:     {KID: two, Revocation: f.redis.revoked[two], InRedis: true, ListedBy: "es"},
		foreign: {KID: foreign, InConfig: true, InRedis: true},
	}
	for _, r := range l.Revoked {
		if r != want[r.KID] {
			t.Errorf("%+v, want %+v", r, want[r.KID])
		}
		delete(want, r.KID)
	}
	if len(want) > 0 || len(l.Revoked) != 3 || l.Revoked[2].KID != two {
		t.Errorf("%+v", l.Revoked)
	}
}

// TestListSymmetric: an HS256 ring's times are when it was first seen.
func TestListSymmetric(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	first := f.now.Add(-time.Hour)
	f.vault.Rotate("hs")
	l := f.look()
	if v := row(t, l, "hs", 1); v.State != lifecycle.Retiring || !v.CreatedAt.Equal(first) || v.KID != f.firstHMACKID() || v.JWK != nil || !v.SignsUntil.At.Equal(f.now) {
		t.Errorf("%+v", v)
	}
	if v := row(t, l, "hs", 2); v.State != lifecycle.Active || !v.SignsFrom.At.Equal(f.now) {
		t.Errorf("%+v", v)
	}
	kid := f.firstHMACKID()
	f.vault.Configure("hs", 1, 2) // from now on Vault does not compute it
	if v := row(t, f.look(), "hs", 1); v.KID != kid {
		t.Errorf("the kid of the fenced version is %q, want %q", v.KID, kid)
	}
}

// TestListWithoutRedis: what only Redis knows is left open, with the reason.
func TestListWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(f *fixture){
		"none":               func(f *fixture) { f.cfg.Shared = manual.Shared{} },
		"it does not answer": func(f *fixture) { f.redis.err = errDown },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, ringOf("es", signer.ES256), ringOf("hs", signer.HS256))
			f.vault.Rotate("es")
			f.vault.Rotate("hs")
			f.vault.Configure("es", 1, 2)
			down(f)
			l := f.look()
			if v := row(t, l, "es", 1); v.Use != nil || !v.RetiresAt.At.IsZero() || v.RetiresAt.Why == "" {
				t.Errorf("%+v", v)
			}
			if v := row(t, l, "hs", 2); v.State != lifecycle.Active || v.KID == "" || !v.CreatedAt.IsZero() || v.SignsFrom.Why == "" {
				t.Errorf("%+v", v)
			}
			all := strings.Join(l.Notes, "\n")
			for _, want := range []string{"the revoked list is not known", "the counters of kids are not known", "when versions were first seen is not known", "count as living for 12h", "cannot be remembered"} {
				if !strings.Contains(all, want) {
					t.Errorf("no note says %q:\n%s", want, all)
				}
			}
		})
	}
}

func TestListOneRing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("a", signer.ES256), ringOf("b", signer.EdDSA))
	l, err := f.operator().List(t.Context(), "b")
	if err != nil || len(l.Rings) != 1 || l.Rings[0].Name != "b" || l.Complete || !f.look().Complete {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := f.operator().List(t.Context(), "c"); !errors.Is(err, manual.ErrChoice) {
		t.Errorf("there is no ring c: %v", err)
	}
	f.vault.DeleteKey("a")
	l, err = f.operator().List(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), `ring "a"`) || len(l.Rings) != 1 {
		t.Errorf("the other ring is listed all the same: %+v, %v", l, err)
	}
}

func TestListCounts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	use := manual.KIDUse{Issued: 1, Introspected: 2, Fetched: 3, LastIssued: f.now}
	f.redis.uses[f.kid("es", 1)] = use
	f.vault.Rotate("es")
	l := f.look()
	if v := row(t, l, "es", 1); v.Use == nil || *v.Use != use {
		t.Errorf("%+v", v.Use)
	}
	if v := row(t, l, "es", 2); v.Use == nil || *v.Use != (manual.KIDUse{}) {
		t.Errorf("never counted: %+v", v.Use)
	}
}
