package vaultkeys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

// clock is a hand-driven time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const (
	publishDelay = 24 * time.Hour
	maxTTL       = time.Hour
)

var policy = lifecycle.Policy{PublishDelay: publishDelay, MaxTTL: maxTTL, RefreshInterval: 10 * time.Second}

// fixture is a fake Vault with a ring and a replica on it.
type fixture struct {
	*clock
	vault *vaulttest.Fake
	rings *vaultkeys.Rings
	log   *bytes.Buffer
	reg   *prometheus.Registry
}

func ring(name string, alg signer.Algorithm) vaultkeys.RingConfig {
	return vaultkeys.RingConfig{Name: name, Algorithm: alg, Policy: policy}
}

func newFixture(t *testing.T, edit func(*vaultkeys.RingsConfig), rings ...vaultkeys.RingConfig) *fixture {
	t.Helper()
	f := &fixture{clock: newClock(), log: &bytes.Buffer{}, reg: prometheus.NewRegistry()}
	f.vault = vaulttest.New(f.now)
	f.vault.Strict = true
	if len(rings) == 0 {
		rings = []vaultkeys.RingConfig{ring("es", signer.ES256)}
	}
	for _, r := range rings {
		f.vault.CreateKey(r.Name, vaultkeys.ParamsOf(r.Algorithm, r.RSABits).KeyType)
	}
	cfg := vaultkeys.RingsConfig{
		Vault: f.vault, Rings: rings, RefreshInterval: 10 * time.Second, JWKSMaxAge: 5 * time.Minute, StaleIfError: time.Hour,
		ClockSkew: 5 * time.Second, Now: f.now, Logger: slog.New(slog.NewTextHandler(f.log, nil)), Registerer: f.reg,
	}
	if edit != nil {
		edit(&cfg)
	}
	f.rings = vaultkeys.NewRings(cfg)
	return f
}

func (f *fixture) load(t *testing.T) {
	t.Helper()
	if err := f.rings.Load(t.Context()); err != nil {
		t.Fatalf("Load: %v", err)
	}
}

func (f *fixture) signing(t *testing.T, ring string) signer.Key {
	t.Helper()
	k, err := f.rings.SigningKey(ring)
	if err != nil {
		t.Fatalf("SigningKey(%q): %v", ring, err)
	}
	return k
}

func (f *fixture) kids(t *testing.T) []string {
	t.Helper()
	return kidsOf(t, f.rings.JWKS().Body)
}

// kidsOf are the kids of a JWKS, in order, as an independent parser sees them.
func kidsOf(t interface {
	Fatalf(format string, args ...any)
}, body []byte,
) []string {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatalf("JWKS: %v", err)
	}
	kids := []string{}
	for _, k := range set.Keys {
		if !k.IsPublic() || !k.Valid() || k.Use != "sig" || k.Algorithm == "" {
			t.Fatalf("JWKS has a bad key: %+v", k)
		}
		kids = append(kids, k.KeyID)
	}
	return kids
}

func (f *fixture) alarms(t *testing.T, ring, kind string) float64 {
	t.Helper()
	families, err := f.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		if fam.GetName() != "signet_ring_alarms_total" {
			continue
		}
		for _, m := range fam.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["ring"] == ring && labels["kind"] == kind {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// kidOf is the thumbprint of a version of ring "es".
func kidOf(t *testing.T, f *fixture, version int) string {
	t.Helper()
	kid, err := vaultkeys.Thumbprint(f.vault.Public("es", version))
	if err != nil {
		t.Fatal(err)
	}
	return kid
}

func equal(a, b []string) bool { return strings.Join(a, ",") == strings.Join(b, ",") }

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

func TestEveryAlgorithm(t *testing.T) {
	t.Parallel()
	rings := []vaultkeys.RingConfig{}
	for _, alg := range signer.Algorithms() {
		rings = append(rings, ring("ring-"+strings.ToLower(string(alg)), alg))
	}
	f := newFixture(t, nil, rings...)
	f.load(t)
	var want []string
	for _, r := range rings {
		k := f.signing(t, r.Name)
		if v, ok := f.rings.VerificationKey(k.KID); !ok || v.Ring != r.Name || v.Algorithm != r.Algorithm {
			t.Errorf("%s: VerificationKey = %+v, %v", r.Name, v, ok)
		}
		if len(k.KID) != 43 {
			t.Errorf("%s: kid %q is not a SHA-256 in base64url", r.Name, k.KID)
		}
		if r.Algorithm.Symmetric() {
			if k.Public != nil {
				t.Errorf("%s has a public key", r.Name)
			}
			continue
		}
		want = append(want, k.KID)
	}
	if got := f.kids(t); !equal(got, want) {
		t.Errorf("JWKS = %v, want config order %v", got, want)
	}
	if got := f.rings.Algorithms(); len(got) != len(signer.Algorithms())-1 {
		t.Errorf("Algorithms = %v", got)
	}
}

func TestVaultOutageKeepsTheSet(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	before := f.rings.JWKS()
	f.vault.Seal(true)
	f.advance(publishDelay / 2)
	if err := f.rings.Load(t.Context()); !errors.Is(err, signer.ErrUnavailable) || !errors.Is(err, vaultapi.ErrSealed) {
		t.Fatalf("Load of a sealed Vault: %v", err)
	}
	if f.signing(t, "es").Version != 1 {
		t.Fatal("an outage shorter than half the publish delay stopped signing")
	}
	f.advance(time.Second)
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("a stale replica signs: %v", err)
	}
	if err := f.rings.Load(t.Context()); err == nil {
		t.Fatal("Load of a sealed Vault succeeded")
	}
	after := f.rings.JWKS()
	if !bytes.Equal(before.Body, after.Body) || before.ETag != after.ETag || !after.Loaded {
		t.Fatal("the set changed while Vault was sealed")
	}
	if before.MaxAge != 5*time.Minute || after.MaxAge != 30*time.Second {
		t.Fatalf("max-age was %v, and is %v when stale", before.MaxAge, after.MaxAge)
	}
	if f.alarms(t, "es", "stale") != 1 || !strings.Contains(f.log.String(), `msg="key ring is stale`) {
		t.Fatalf("no alarm when stale: %s", f.log)
	}
	if !f.rings.Ready() {
		t.Fatal("a sealed Vault makes the replica not ready")
	}
	f.vault.Seal(false)
	f.load(t)
	if f.signing(t, "es").Version != 1 || f.rings.JWKS().MaxAge != 5*time.Minute {
		t.Fatal("not back to normal after the outage")
	}
}

// TestStaleMaxAgeIsNeverLonger: the publish delay was checked against the
// configured max-age, so an outage must not make it longer.
func TestStaleMaxAgeIsNeverLonger(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.JWKSMaxAge = 2 * time.Second })
	f.load(t)
	f.advance(publishDelay)
	if got := f.rings.JWKS().MaxAge; got != 2*time.Second {
		t.Fatalf("max-age %v when stale, more than the configured 2s", got)
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
	if _, err := f.rings.SigningKey("es"); !errors.Is(err, signer.ErrUnavailable) {
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
			f.signing(t, "es")
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

func TestOneUnreadRingKeepsTheSetBack(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("a", signer.ES256), ring("b", signer.EdDSA))
	f.vault.Fail(func(_, path string) error {
		if path == "transit/keys/b" {
			return vaultapi.ErrUnavailable
		}
		return nil
	})
	if err := f.rings.Load(t.Context()); !errors.Is(err, signer.ErrUnavailable) {
		t.Fatalf("Load: %v", err)
	}
	if f.rings.JWKS().Loaded || f.rings.Ready() {
		t.Fatal("half a set is served")
	}
	f.signing(t, "a")
	f.vault.Fail(nil)
	f.load(t)
	if len(f.kids(t)) != 2 {
		t.Fatal("not the whole set")
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

func TestSymmetricRing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil, ring("hs", signer.HS256))
	f.load(t)
	first := f.signing(t, "hs")
	if got := string(f.rings.JWKS().Body); got != `{"keys":[]}` || !f.rings.JWKS().Loaded {
		t.Fatalf("JWKS = %s", got)
	}
	f.vault.Rotate("hs")
	f.load(t)
	f.load(t)
	second := f.signing(t, "hs")
	if second.Version != 2 || second.KID == first.KID {
		t.Fatalf("the newest version must sign at once, not %+v", second)
	}
	if n := f.vault.Calls("write", "transit/hmac/hs"); n != 2 {
		t.Fatalf("asked for %d kids of 2 versions", n)
	}
	if k, ok := f.rings.VerificationKey(first.KID); !ok || k.Version != 1 {
		t.Fatal("the old version must verify")
	}
	f.vault.Configure("hs", 2, 2)
	f.load(t)
	if _, ok := f.rings.VerificationKey(first.KID); ok {
		t.Fatal("a retired version verifies")
	}
	other := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: f.vault, Rings: []vaultkeys.RingConfig{ring("hs", signer.HS256)}, Now: f.now})
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k, err := other.SigningKey("hs"); err != nil || k.KID != second.KID {
		t.Fatalf("replicas disagree on the kid: %+v, %v", k, err)
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

func TestUnknownRing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	if _, err := f.rings.SigningKey("nope"); !errors.Is(err, signer.ErrUnknownRing) {
		t.Fatalf("SigningKey: %v", err)
	}
	if err := f.rings.Refresh(t.Context(), "nope"); !errors.Is(err, signer.ErrUnknownRing) {
		t.Fatalf("Refresh: %v", err)
	}
}

func TestRefreshIsSingleFlightWithAFloor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Now = time.Now })
		f.vault = vaulttest.New(time.Now)
		f.vault.CreateKey("es", "ecdsa-p256")
		f.rings = vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: f.vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		f.load(t)
		reads := func() int { return f.vault.Calls("read", "transit/keys/es") }
		start := time.Now()
		for range 3 {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					if err := f.rings.Refresh(t.Context(), "es"); err != nil {
						t.Errorf("Refresh: %v", err)
					}
				})
			}
			wg.Wait()
		}
		if reads() != 4 {
			t.Fatalf("%d reads for 3 bursts after a load", reads())
		}
		if d := time.Since(start); d != 600*time.Millisecond {
			t.Fatalf("3 refreshes took %v, want the floor of 200ms each", d)
		}
	})
}

func TestRefreshSeesWhatRefusedTheCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	f.vault.Rotate("es")
	f.vault.Configure("es", 1, 2)
	if err := f.rings.Refresh(t.Context(), "es"); err != nil {
		t.Fatal(err)
	}
	if f.signing(t, "es").Version != 2 {
		t.Fatal("an emergency minimum is not followed")
	}
}

func TestACallerLeavingDoesNotCancelTheRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	f.vault.Hook(func(ctx context.Context, _, _ string) {
		entered <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Error("the read ran under the caller's context")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- f.rings.Refresh(ctx, "es") }()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("Refresh: %v", err)
	}
	stayed := make(chan error)
	go func() { stayed <- f.rings.Refresh(t.Context(), "es") }()
	close(release)
	if err := <-stayed; err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	f.signing(t, "es")
}

func TestRunPollsWithJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey("es", "ecdsa-p256")
		rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		if err := rings.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		var times []time.Time
		vault.Hook(func(context.Context, string, string) { times = append(times, time.Now()) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		last := time.Now()
		go func() { done <- rings.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("Run: %v", err)
		}
		gaps := map[time.Duration]bool{}
		for _, at := range times {
			gap := at.Sub(last)
			if gap < 8*time.Second || gap > 10*time.Second {
				t.Fatalf("%v between two reads, want 8s to 10s", gap)
			}
			gaps[gap], last = true, at
		}
		if len(times) < 60 || len(gaps) < len(times)/2 {
			t.Fatalf("%d reads at %d different distances", len(times), len(gaps))
		}
	})
}

func TestRunLoadsWhatLoadCouldNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey("es", "ecdsa-p256")
		vault.Seal(true)
		rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		go func() { _ = rings.Run(t.Context()) }()
		time.Sleep(time.Minute)
		vault.Seal(false)
		time.Sleep(2 * time.Second)
		if !rings.Ready() {
			t.Fatal("not ready 2s after the unseal")
		}
	})
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

func TestSigningKeyAllocatesNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.load(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = f.rings.SigningKey("es") }); n != 0 {
		t.Fatalf("%v allocations a call", n)
	}
}
