package vaultkeys_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaulttest"
)

func TestRevokedKID(t *testing.T) {
	t.Parallel()
	clk := newClock()
	vault := vaulttest.New(clk.now)
	vault.CreateKey("es", "ecdsa-p256")
	vault.RotateAt("es", clk.now().Add(-publishDelay))
	revoked, err := vaultkeys.Thumbprint(vault.Public("es", 2))
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Vault, c.RevokedKIDs = vault, []string{revoked} })
	f.vault = vault
	f.load(t)
	if f.signing(t, "es").Version != 1 || !equal(f.kids(t), []string{kidOf(t, f, 1)}) {
		t.Fatal("a revoked key is used")
	}
	if _, ok := f.rings.VerificationKey(revoked); ok {
		t.Fatal("a revoked key verifies")
	}
	if f.alarms(t, "es", "revoked_listed") != 1 {
		t.Fatal("no alarm")
	}
	vault.Configure("es", 2, 2) // only the revoked one is left
	f.load(t)
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) || !errors.Is(err, signer.ErrNoVersion) {
		t.Fatalf("signs although only a revoked version is left: %v", err)
	}
	if len(f.kids(t)) != 0 {
		t.Fatal("a revoked key is published")
	}
	vault.Hide("es", 2, true)
	vault.Rotate("es")
	f.load(t)
	if !equal(f.kids(t), []string{kidOf(t, f, 3)}) {
		t.Fatal("a revoked version that vanished is published")
	}
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		skew time.Duration
		ok   bool
	}{
		"equal":                         {0, true},
		"Vault ahead within the limit":  {5 * time.Second, true},
		"Vault ahead beyond it":         {6 * time.Second, false},
		"Vault behind within the limit": {-5 * time.Second, true},
		// The fake's Date is a whole second: one second of benefit of the doubt.
		"Vault behind within the doubt": {-6 * time.Second, true},
		"Vault behind beyond it":        {-7 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.vault.Skew(tc.skew)
			f.load(t)
			_, err := f.rings.SigningKey("es")
			if (err == nil) != tc.ok || (err != nil && !errors.Is(err, signer.ErrUnavailable)) {
				t.Fatalf("SigningKey: %v", err)
			}
			if (f.alarms(t, "es", "clock_skew") == 0) != tc.ok {
				t.Fatal("alarm and signing disagree")
			}
			f.vault.Skew(0)
			f.load(t)
			f.signing(t, "es")
		})
	}
	t.Run("no Date at all", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, nil)
		f.vault.WithoutDate(true)
		f.load(t)
		f.signing(t, "es")
	})
}

func TestMisconfiguredKeys(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*vaulttest.Fake){
		"missing":          func(v *vaulttest.Fake) { v.DeleteKey("es") },
		"wrong type":       func(v *vaulttest.Fake) { v.CreateKey("es", "ed25519") },
		"wrong curve":      func(v *vaulttest.Fake) { v.CreateKey("es", "ecdsa-p384") },
		"exportable":       func(v *vaulttest.Fake) { v.Flags("es", true, false, false) },
		"plaintext backup": func(v *vaulttest.Fake) { v.Flags("es", false, true, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			spoil(f.vault)
			err := f.rings.Load(t.Context())
			if !errors.Is(err, vaultkeys.ErrMisconfigured) || errors.Is(err, signer.ErrUnavailable) {
				t.Fatalf("Load: %v", err)
			}
			if !strings.HasSuffix(err.Error(), "signet vault init --config FILE") || !strings.Contains(err.Error(), `"es"`) {
				t.Fatalf("the message does not help: %v", err)
			}
		})
		t.Run(name+" after start", func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, nil)
			f.load(t)
			before := f.rings.JWKS()
			spoil(f.vault)
			if err := f.rings.Refresh(t.Context(), "es"); !errors.Is(err, vaultkeys.ErrMisconfigured) {
				t.Fatalf("Refresh: %v", err)
			}
			if !bytes.Equal(before.Body, f.rings.JWKS().Body) {
				t.Fatal("the last good set was dropped")
			}
			// A key of another type is another key: the old one cannot sign any more.
			if !strings.HasPrefix(name, "wrong") {
				f.signing(t, "es")
			} else if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
				t.Fatalf("signs with a key that is no more: %v", err)
			}
			if f.alarms(t, "es", "misconfigured") == 0 {
				t.Fatal("no alarm")
			}
			f.advance(publishDelay)
			if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
				t.Fatalf("signs by a stale snapshot: %v", err)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t, nil, ring("a", signer.ES256), ring("b", signer.RS256), ring("c", signer.EdDSA))
		f.vault.DeleteKey("a")
		f.vault.Flags("b", true, false, false)
		err := f.rings.Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), `"a"`) || !strings.Contains(err.Error(), `"b"`) || strings.Contains(err.Error(), `"c"`) {
			t.Fatalf("Load: %v", err)
		}
	})
}

func TestUnparsableVersionIsAnError(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	before := f.rings.JWKS()
	f.vault.Rotate("es")
	f.vault.Malform("es", 2, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
	err := f.rings.Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), `"es" version 2`) || !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Load: %v", err)
	}
	if !bytes.Equal(before.Body, f.rings.JWKS().Body) {
		t.Fatal("the set changed")
	}
}

func TestSameKeyInTwoRings(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("a", signer.RS256), ring("b", signer.PS256))
	f.vault.Restore("b", f.vault.Backup("a")) // a backup restored under another name
	f.load(t)
	f.load(t) // each ring's reader reports for its own ring
	if len(f.kids(t)) != 1 {
		t.Fatalf("JWKS = %v", f.kids(t))
	}
	f.signing(t, "a")
	if _, err := f.rings.SigningKey("b"); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("the second ring signs with a kid that names the first one's algorithm: %v", err)
	}
	if f.alarms(t, "b", "duplicate_key") == 0 || f.alarms(t, "a", "duplicate_key") != 0 {
		t.Fatal("no alarm")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	f.advance(2 * publishDelay)
	f.vault.Rotate("es")
	f.load(t)
	f.advance(7 * time.Second)
	want := fmt.Sprintf(`
# HELP signet_revoked_list_read_failures_total Reads of the shared list of revoked kids that failed.
# TYPE signet_revoked_list_read_failures_total counter
signet_revoked_list_read_failures_total 0
# HELP signet_revoked_list_restored_total Revoked kids that were known here and put back on the shared list: it was lost, or the configuration names a new one.
# TYPE signet_revoked_list_restored_total counter
signet_revoked_list_restored_total 0
# HELP signet_ring_alarms_total Alarming conditions seen while reading a key ring, once a read for as long as they hold.
# TYPE signet_ring_alarms_total counter
signet_ring_alarms_total{kind="clock_skew",ring="es"} 0
signet_ring_alarms_total{kind="deletion_allowed",ring="es"} 0
signet_ring_alarms_total{kind="duplicate_key",ring="es"} 0
signet_ring_alarms_total{kind="key_changed",ring="es"} 0
signet_ring_alarms_total{kind="kid_unknown",ring="es"} 0
signet_ring_alarms_total{kind="misconfigured",ring="es"} 0
signet_ring_alarms_total{kind="revoked_listed",ring="es"} 0
signet_ring_alarms_total{kind="stale",ring="es"} 0
signet_ring_alarms_total{kind="version_vanished",ring="es"} 0
# HELP signet_ring_key_age_seconds Age of the key version that signs now.
# TYPE signet_ring_key_age_seconds gauge
signet_ring_key_age_seconds{ring="es"} 172807
# HELP signet_ring_signing_version The key version that signs now; absent if none does.
# TYPE signet_ring_signing_version gauge
signet_ring_signing_version{ring="es"} 1
# HELP signet_ring_snapshot_age_seconds Time since the ring was last read from Vault.
# TYPE signet_ring_snapshot_age_seconds gauge
signet_ring_snapshot_age_seconds{ring="es"} 7
# HELP signet_ring_version_state 1 for each key version that is known, in the state that it is in.
# TYPE signet_ring_version_state gauge
signet_ring_version_state{kid=%q,ring="es",state="active",version="1"} 1
signet_ring_version_state{kid=%q,ring="es",state="published",version="2"} 1
# HELP signet_ring_versions Key versions of a ring by state.
# TYPE signet_ring_versions gauge
signet_ring_versions{ring="es",state="active"} 1
signet_ring_versions{ring="es",state="barred"} 0
signet_ring_versions{ring="es",state="published"} 1
signet_ring_versions{ring="es",state="retiring"} 0
signet_ring_versions{ring="es",state="revoked"} 0
signet_ring_versions{ring="es",state="vanished"} 0
`, kidOf(t, f, 1), kidOf(t, f, 2))
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want)); err != nil {
		t.Fatal(err)
	}
	f.vault.Seal(true)
	if err := f.rings.Load(t.Context()); err == nil {
		t.Fatal("Load of a sealed Vault succeeded")
	}
	want = `
# HELP signet_ring_read_failures_total Reads of a key ring that failed.
# TYPE signet_ring_read_failures_total counter
signet_ring_read_failures_total{reason="sealed",ring="es"} 1
`
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "signet_ring_read_failures_total"); err != nil {
		t.Fatal(err)
	}
}
