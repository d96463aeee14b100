package vaultkeys_test

import (
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// Conditions hold while they are seen, and are logged anew when they come back.
func TestConditionsHold(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("es", signer.ES256), ring("rs", signer.ES256))
	held := func(want string) {
		t.Helper()
		if got := f.held(); got != want {
			t.Fatalf("held: %q, want %q\n%s", got, want, f.log)
		}
	}
	f.load(t)
	held("")
	for range 2 {
		since := f.now()
		f.vault.Flags("es", false, false, true)
		f.vault.Skew(time.Minute)
		f.load(t)
		f.advance(time.Hour)
		f.load(t)
		held("clock_skew deletion_allowed clock_skew")
		for _, a := range f.rings.Alarms() {
			if !a.Since.Equal(since) || a.Version != 0 || a.KID != "" || a.Ring == "rs" && a.Kind != "clock_skew" {
				t.Errorf("%+v", a)
			}
		}
		f.vault.Flags("es", false, false, false)
		f.vault.Skew(0)
		f.load(t)
		held("")
	}
	if n := strings.Count(f.log.String(), "alarm=deletion_allowed"); n != 2 {
		t.Errorf("logged %d times\n%s", n, f.log)
	}

	f.vault.Restore("rs", f.vault.Backup("es")) // the same key twice, and another than before
	f.load(t)
	f.load(t)
	held("duplicate_key key_changed")
	f.vault.CreateKey("rs", "ecdsa-p256")
	f.load(t)
	held("duplicate_key key_changed key_changed") // the shared key's tokens still verify
	f.advance(maxTTL)
	f.load(t)
	held("key_changed key_changed")

	f.vault.Flags("es", true, false, false)
	_ = f.rings.Load(t.Context()) // misconfigured
	held("misconfigured key_changed key_changed")
	f.vault.Seal(true)
	f.advance(publishDelay)
	_ = f.rings.Load(t.Context()) // sealed, and stale
	held("misconfigured stale stale")
	f.vault.Seal(false)
	f.vault.CreateKey("es", "ecdsa-p256")
	f.load(t)
	held("key_changed") // the others are over
}

// An event is over as soon as it is seen. It is shown for as long as tokens of
// the key live, and an hour more.
func TestEventsAreShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.vault.Rotate("es")
	f.load(t)
	gone := kidOf(t, f, 2)
	happened := f.now()
	f.vault.Hide("es", 2, true)
	f.load(t)
	f.advance(maxTTL + time.Hour - time.Nanosecond)
	f.load(t)
	want := vaultkeys.Alarm{Ring: "es", Kind: "version_vanished", Version: 2, KID: gone, Since: happened}
	if got := f.rings.Alarms(); len(got) != 1 || got[0] != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	f.advance(time.Nanosecond)
	if got := f.rings.Alarms(); len(got) != 0 {
		t.Fatalf("shown for ever: %+v", got)
	}
	f.vault.Hide("es", 2, false)
	f.load(t)
	f.vault.Hide("es", 2, true)
	f.load(t)
	if got := f.rings.Alarms(); len(got) != 1 || !got[0].Since.Equal(f.now()) || strings.Count(f.log.String(), "alarm=version_vanished") != 2 {
		t.Fatalf("the second time: %+v\n%s", got, f.log)
	}
}
