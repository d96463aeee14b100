package vaultkeys_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/signer"
)

func TestRotationPublishesFirstAndSignsLater(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if f.rings.Ready() || f.rings.JWKS().Loaded {
		t.Fatal("ready before the first read")
	}
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("before the first read: %v", err)
	}
	f.load(t)
	if !f.rings.Ready() || !f.rings.JWKS().Loaded {
		t.Fatal("not ready after Load")
	}
	if k := f.signing(t, "es"); k.Version != 1 || k.Algorithm != signer.ES256 || k.KID != kidOf(t, f, 1) {
		t.Fatalf("bootstrap signs with %+v", k)
	}
	f.advance(publishDelay)
	f.vault.Rotate("es")
	f.load(t)
	v1, v2 := kidOf(t, f, 1), kidOf(t, f, 2)
	if got := f.kids(t); !equal(got, []string{v2, v1}) {
		t.Fatalf("JWKS = %v, want newest first %v", got, []string{v2, v1})
	}
	f.advance(publishDelay - time.Nanosecond)
	f.load(t)
	if k := f.signing(t, "es"); k.Version != 1 {
		t.Fatalf("version %d signs before the activation", k.Version)
	}
	f.advance(time.Nanosecond) // no read: time alone activates
	if k := f.signing(t, "es"); k.Version != 2 {
		t.Fatalf("version %d signs after the activation", k.Version)
	}
	f.vault.Configure("es", 2, 2)
	f.load(t)
	if got := f.kids(t); !equal(got, []string{v2}) {
		t.Fatalf("after raising the minimum JWKS = %v", got)
	}
	if _, ok := f.rings.VerificationKey(v1); ok {
		t.Fatal("a retired kid verifies")
	}
	if f.log.Len() > 0 {
		t.Fatalf("an orderly rotation was logged as a problem:\n%s", f.log)
	}
}

func TestVanishedVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	f.advance(2 * publishDelay)
	f.vault.RotateAt("es", f.now().Add(-publishDelay))
	f.load(t)
	v1, v2 := kidOf(t, f, 1), kidOf(t, f, 2)
	if f.signing(t, "es").KID != v2 {
		t.Fatal("version 2 should sign")
	}
	f.vault.Hide("es", 2, true)
	f.load(t)
	if f.signing(t, "es").KID != v1 {
		t.Fatal("a vanished version signs")
	}
	if !equal(f.kids(t), []string{v2, v1}) {
		t.Fatalf("a vanished version is not published: %v", f.kids(t))
	}
	if _, ok := f.rings.VerificationKey(v2); !ok {
		t.Fatal("a vanished version does not verify")
	}
	if f.alarms(t, "es", "version_vanished") != 1 {
		t.Fatal("no alarm")
	}
	f.advance(maxTTL - time.Nanosecond)
	if !equal(f.kids(t), []string{v2, v1}) {
		t.Fatal("a vanished version left the set before max_ttl")
	}
	f.advance(time.Nanosecond) // no read: time alone ends it
	if !equal(f.kids(t), []string{v1}) {
		t.Fatal("a vanished version stays after max_ttl")
	}
	if _, ok := f.rings.VerificationKey(v2); ok {
		t.Fatal("a vanished version verifies after max_ttl")
	}
	f.vault.Hide("es", 2, false)
	f.load(t)
	if !equal(f.kids(t), []string{v2, v1}) || f.signing(t, "es").KID != v1 {
		t.Fatal("a version that came back must be published and never sign again")
	}
}

func TestVanishedVersionBelowARaisedMinimumIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.vault.Rotate("es")
	f.load(t)
	f.vault.Hide("es", 1, true)
	f.load(t)
	if len(f.kids(t)) != 2 {
		t.Fatal("a vanished version is not published")
	}
	f.vault.Configure("es", 2, 2)
	f.load(t)
	if !equal(f.kids(t), []string{kidOf(t, f, 2)}) {
		t.Fatal("the operator's kill switch does not reach a vanished version")
	}
}

func TestKeyChangedUnderAKnownVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.vault.RotateAt("es", f.now())
	f.load(t)
	old1, old2 := kidOf(t, f, 1), kidOf(t, f, 2)
	f.advance(publishDelay)
	f.load(t)
	f.vault.CreateKey("es", "ecdsa-p256") // deleted and made anew: version 1 again
	f.load(t)
	fresh := kidOf(t, f, 1)
	if fresh == old1 {
		t.Fatal("the fake made the same key twice")
	}
	if got := f.signing(t, "es"); got.KID != fresh || got.Version != 1 {
		t.Fatalf("signs with %+v", got)
	}
	if !equal(f.kids(t), []string{old2, fresh, old1}) {
		t.Fatalf("JWKS = %v, want %v", f.kids(t), []string{old2, fresh, old1})
	}
	if f.alarms(t, "es", "key_changed") != 1 || f.alarms(t, "es", "version_vanished") != 1 {
		t.Fatalf("alarms: %s", f.log)
	}
}

func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	backup := f.vault.Backup("es")
	f.vault.Rotate("es")
	f.load(t)
	lost := kidOf(t, f, 2)
	f.vault.Restore("es", backup)
	f.vault.Rotate("es") // version 2 exists twice now
	f.load(t)
	again := kidOf(t, f, 2)
	if got, want := f.kids(t), []string{again, lost, kidOf(t, f, 1)}; !equal(got, want) {
		t.Fatalf("JWKS = %v, want %v", got, want)
	}
	if f.alarms(t, "es", "key_changed") != 1 {
		t.Fatal("no alarm")
	}
}

func TestFencedSymmetricVersionAfterARestart(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("hs", signer.HS256))
	f.vault.Rotate("hs")
	f.vault.Configure("hs", 1, 2)
	f.load(t) // Vault refuses to derive version 1's kid
	if f.signing(t, "hs").Version != 2 {
		t.Fatal("does not sign with the newest version")
	}
	if f.alarms(t, "hs", "kid_unknown") != 1 || !strings.Contains(f.log.String(), `msg="Vault does not compute the kid`) {
		t.Fatalf("no alarm: %s", f.log)
	}
}
