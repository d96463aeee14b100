package vaultkeys_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"signet/vaultkeys"
)

// TestRingEvents: what changes in a ring is told once, in the order in which it is seen.
func TestRingEvents(t *testing.T) {
	t.Parallel()
	var got []string
	f := newFixture(t, func(c *vaultkeys.RingsConfig) {
		c.Events = func(e vaultkeys.RingEvent) {
			got = append(got, fmt.Sprint(e.Kind, " ", e.Version))
			if e.Ring != "es" || e.Version > 0 && e.KID == "" {
				t.Errorf("told %+v", e)
			}
		}
	})
	want := func(what string, all ...string) {
		t.Helper()
		f.load(t)
		f.load(t)
		if !slices.Equal(got, all) {
			t.Errorf("%s: told %v, want %v", what, got, all)
		}
		got = nil
	}
	want("at first", "published 1", "signing 1")
	f.advance(publishDelay)
	f.vault.Rotate("es")
	want("after a rotation", "published 2")
	f.advance(publishDelay)
	want("once it is due", "signing 2")
	f.vault.Configure("es", 2, 2)
	want("after the minimum rose", "retired 1")
	f.advance(6 * time.Second)
	f.vault.DeleteKey("es")
	f.vault.CreateKey("es", "ecdsa-p256")
	f.load(t)
	if !slices.Contains(got, "published 1") || !slices.ContainsFunc(got, func(s string) bool { return s == "version_vanished 2" || s == "key_changed 2" }) {
		t.Errorf("after the key was made anew: told %v", got)
	}
}
