package vaultkeys_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

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

func TestSigningKeyAllocatesNothing(t *testing.T) {
	f := newFixture(t, nil)
	f.load(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = f.rings.SigningKey("es") }); n != 0 {
		t.Fatalf("%v allocations a call", n)
	}
}

// The keys beside a JWK set are those in it, in its order, and no HS256 key.
func TestKeysOfTheJWKS(t *testing.T) {
	f := newFixture(t, nil, ring("hs", signer.HS256), ring("a", signer.ES256), ring("b", signer.EdDSA))
	if set := f.rings.JWKS(); len(set.Keys) != 0 || set.Loaded {
		t.Fatalf("before the first read: %+v", set)
	}
	f.vault.Rotate("a")
	f.load(t)
	set := f.rings.JWKS()
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k.KID)
	}
	if len(kids) != 3 || !equal(kids, f.kids(t)) {
		t.Fatalf("%v beside a set of %v", kids, f.kids(t))
	}
	if n := testing.AllocsPerRun(10, func() { f.rings.JWKS() }); n != 0 {
		t.Fatalf("%v allocations an answer", n)
	}
}
