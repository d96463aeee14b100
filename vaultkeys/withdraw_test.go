package vaultkeys_test

import (
	"errors"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// The kill switch is wanted most for a key that is unfit: somebody made it
// exportable, and took it.
func TestMinimumsHoldForAnUnfitKey(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(f *fixture){
		"exportable":       func(f *fixture) { f.vault.Flags("es", true, false, false) },
		"plaintext backup": func(f *fixture) { f.vault.Flags("es", false, true, false) },
		"unparsable":       func(f *fixture) { f.vault.Malform("es", 2, "no key") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.load(t)
			stolen := f.signing(t, "es").KID
			f.vault.Rotate("es")
			f.load(t)
			spoil(f)
			f.vault.Configure("es", 2, 2)
			if err := f.rings.Load(t.Context()); err == nil {
				t.Fatal("the key is not unfit: the test is")
			}
			if _, ok := f.rings.VerificationKey(stolen); ok {
				t.Error("the stolen key still verifies")
			}
			if kids := f.kids(t); len(kids) != 1 || kids[0] == stolen {
				t.Errorf("published: %v", kids)
			}
			if key, err := f.rings.SigningKey("es"); err == nil && key.KID == stolen {
				t.Error("the stolen key still signs")
			}
		})
	}
}

func TestSymmetricMinimumsHoldForAnUnfitKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("hs", signer.HS256))
	f.load(t)
	stolen := f.signing(t, "hs").KID
	f.vault.Rotate("hs")
	f.vault.Flags("hs", true, false, false)
	f.vault.Configure("hs", 2, 2)
	if err := f.rings.Load(t.Context()); !errors.Is(err, vaultkeys.ErrMisconfigured) {
		t.Fatalf("Load: %v", err)
	}
	if _, ok := f.rings.VerificationKey(stolen); ok {
		t.Error("the stolen key still verifies")
	}
	if key, err := f.rings.SigningKey("hs"); err == nil {
		t.Errorf("signs with version %d of an exportable key that was never read", key.Version)
	}
}

// A deleted key is not published for ever, nor gone because one node, which is
// not up to date, says so.
func TestDeletedKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("es", signer.ES256), ring("other", signer.ES256))
	f.load(t)
	kid := f.signing(t, "es").KID
	f.vault.DeleteKey("es")
	read := func() {
		t.Helper()
		f.advance(time.Second)
		if err := f.rings.Load(t.Context()); !errors.Is(err, vaultkeys.ErrMisconfigured) {
			t.Fatalf("Load: %v", err)
		}
	}
	read()
	read()
	if f.alarms(t, "es", "version_vanished") != 0 || f.signing(t, "es").KID != kid {
		t.Fatal("two answers are believed already")
	}
	read()
	if f.alarms(t, "es", "version_vanished") != 1 {
		t.Error("no alarm")
	}
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("a deleted key signs: %v", err)
	}
	if _, ok := f.rings.VerificationKey(kid); !ok || len(f.kids(t)) != 2 {
		t.Error("tokens of the deleted key must verify to their end")
	}
	f.advance(maxTTL)
	if _, ok := f.rings.VerificationKey(kid); ok || len(f.kids(t)) != 1 {
		t.Errorf("published after max_ttl: %v", f.kids(t))
	}
	// An unmounted engine says nothing about the key.
	if err := f.rings.RefreshTo(t.Context(), f.now()); err != nil {
		t.Errorf("one unfit ring makes every unknown kid a failure: %v", err)
	}
}

// Deleted and made anew with another type: the old versions are gone as well.
func TestKeyOfAnotherTypeIsNotTheOldOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	kid := f.signing(t, "es").KID
	f.vault.CreateKey("es", "rsa-2048")
	f.advance(time.Second)
	if err := f.rings.Load(t.Context()); !errors.Is(err, vaultkeys.ErrMisconfigured) {
		t.Fatalf("Load: %v", err)
	}
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("signs with a key that is no more: %v", err)
	}
	f.advance(maxTTL)
	if _, ok := f.rings.VerificationKey(kid); ok {
		t.Error("still verifies after max_ttl")
	}
}

func TestMACKeysMinimumHoldsForAnUnfitKey(t *testing.T) {
	t.Parallel()
	f := newMACFixture(t)
	f.load(t)
	f.vault.Flags(macKey, true, false, false)
	f.vault.Rotate(macKey)
	f.vault.Configure(macKey, 2, 2)
	if err := f.keys.Load(t.Context()); !errors.Is(err, vaultkeys.ErrMisconfigured) {
		t.Fatalf("Load: %v", err)
	}
	if _, ok, err := f.keys.Secret(t.Context(), 1); ok || err != nil {
		t.Errorf("the exported secret is still good: %v, %v", ok, err)
	}
	if _, _, err := f.keys.Current(); !errors.Is(err, signer.ErrUnavailable) {
		t.Errorf("makes tokens with an exportable key: %v", err)
	}
}
