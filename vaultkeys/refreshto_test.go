package vaultkeys_test

import (
	"testing"
	"time"

	"signet/signer"
)

func TestRefreshToReadsOnlyWhatIsOlder(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("es", signer.ES256), ring("hs", signer.HS256))
	f.load(t)
	reads := func() int { return f.vault.Calls("read", "transit/keys/hs") }
	before := reads()
	if err := f.rings.RefreshTo(t.Context(), f.now()); err != nil || reads() != before {
		t.Fatalf("a snapshot of this very moment was read again (%d reads, %v)", reads()-before, err)
	}

	// A rotation that another replica saw: its newest version signs at once.
	f.vault.Rotate("hs")
	f.advance(time.Second)
	if err := f.rings.RefreshTo(t.Context(), f.now()); err != nil {
		t.Fatal(err)
	}
	if got := f.signing(t, "hs").Version; got != 2 {
		t.Errorf("version %d is the newest known, want 2", got)
	}
	if got := reads() - before; got != 1 {
		t.Errorf("%d reads of one ring, want 1", got)
	}
}

func TestRefreshToSaysWhenVaultCannotBeRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	f.advance(time.Second)
	f.vault.Seal(true)
	if err := f.rings.RefreshTo(t.Context(), f.now()); err == nil {
		t.Fatal("no error although nothing was read")
	}
}
