package vaultkeys_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaulttest"
)

// world is a fake Vault with two rings, whatever operators do to it, and two
// replicas that read it. One kid is revoked from the start.
type world struct {
	*clock
	vault    *vaulttest.Fake
	replicas [2]*vaultkeys.Rings
	revoked  string
	sealed   bool
	calm     bool // nothing vanished or changed, so memory cannot differ
	latest   map[string]int
	minEnc   map[string]int
	minDec   map[string]int
}

var worldRings = []string{"es", "ed"}

func newWorld(t *rapid.T) *world {
	w := &world{clock: newClock(), calm: true, latest: map[string]int{}, minEnc: map[string]int{}, minDec: map[string]int{}}
	w.vault = vaulttest.New(w.now)
	w.vault.CreateKey("es", "ecdsa-p256")
	w.vault.CreateKey("ed", "ed25519")
	for _, name := range worldRings {
		w.latest[name], w.minDec[name] = 1, 1
	}
	w.vault.Rotate("es")
	w.latest["es"] = 2
	kid, err := vaultkeys.Thumbprint(w.vault.Public("es", 2))
	if err != nil {
		t.Fatal(err)
	}
	w.revoked = kid
	for i := range w.replicas {
		w.replicas[i] = vaultkeys.NewRings(vaultkeys.RingsConfig{
			Vault: w.vault, Now: w.now, RevokedKIDs: []string{kid},
			Rings: []vaultkeys.RingConfig{ring("es", signer.ES256), ring("ed", signer.EdDSA)},
		})
	}
	w.read(t)
	return w
}

// read makes both replicas read. The time moves past the floor first.
func (w *world) read(t *rapid.T) {
	w.advance(time.Second)
	for _, r := range w.replicas {
		if err := r.Load(t.Context()); (err != nil) != w.sealed {
			t.Fatalf("Load: %v (sealed: %v)", err, w.sealed)
		}
	}
}

func (w *world) actions() map[string]func(*rapid.T) {
	name := rapid.SampledFrom(worldRings)
	return map[string]func(*rapid.T){
		"rotate": func(t *rapid.T) {
			n := name.Draw(t, "ring")
			w.latest[n]++
			lag := time.Duration(rapid.IntRange(0, 3).Draw(t, "lag")) * time.Hour // a node's clock may lag
			w.vault.RotateAt(n, w.now().Add(-lag))
		},
		"minimums": func(t *rapid.T) {
			n := name.Draw(t, "ring")
			dec := rapid.IntRange(w.minDec[n], w.latest[n]).Draw(t, "dec")
			enc := rapid.IntRange(max(dec, w.minEnc[n]), w.latest[n]).Draw(t, "enc")
			w.minDec[n], w.minEnc[n] = dec, enc
			w.vault.Configure(n, dec, enc)
		},
		"vanish": func(t *rapid.T) {
			n := name.Draw(t, "ring")
			if v := rapid.IntRange(1, w.latest[n]).Draw(t, "version"); w.latest[n] > w.minDec[n] {
				w.vault.Hide(n, v, rapid.Bool().Draw(t, "hide"))
				w.calm = false
			}
		},
		"recreate": func(t *rapid.T) {
			n := name.Draw(t, "ring")
			w.vault.CreateKey(n, map[string]string{"es": "ecdsa-p256", "ed": "ed25519"}[n])
			w.latest[n], w.minDec[n], w.minEnc[n], w.calm = 1, 1, 0, false
		},
		"seal":       func(t *rapid.T) { w.sealed = rapid.Bool().Draw(t, "sealed"); w.vault.Seal(w.sealed) },
		"wait":       func(t *rapid.T) { w.advance(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours")) * time.Hour) },
		"read":       func(t *rapid.T) { w.readLeniently(t) },
		"":           w.check,
		"read again": func(t *rapid.T) { w.readLeniently(t) },
	}
}

// readLeniently allows a read to fail when every version is hidden.
func (w *world) readLeniently(t *rapid.T) {
	w.advance(time.Second)
	for _, r := range w.replicas {
		if err := r.Load(t.Context()); err != nil && !errors.Is(err, signer.ErrUnavailable) {
			t.Fatalf("Load: %v", err)
		}
	}
}

func (w *world) check(t *rapid.T) {
	for _, name := range worldRings {
		var keys [2]signer.Key
		var errs [2]error
		for i, r := range w.replicas {
			keys[i], errs[i] = r.SigningKey(name)
			if errs[i] != nil && !errors.Is(errs[i], signer.ErrUnavailable) {
				t.Fatalf("SigningKey: %v", errs[i])
			}
			if errs[i] == nil {
				w.checkSigner(t, r, keys[i])
			}
		}
		if w.calm && (keys[0].KID != keys[1].KID || (errs[0] == nil) != (errs[1] == nil)) {
			t.Fatalf("replicas with the same answer disagree: %+v and %+v", keys[0], keys[1])
		}
	}
	a, b := w.replicas[0].JWKS(), w.replicas[1].JWKS()
	if !a.Loaded || !b.Loaded {
		t.Fatal("the set was unloaded")
	}
	if w.calm && a.ETag != b.ETag {
		t.Fatalf("replicas with the same answer publish different sets:\n%s\n%s", a.Body, b.Body)
	}
}

func (w *world) checkSigner(t *rapid.T, r *vaultkeys.Rings, k signer.Key) {
	kids := kidsOf(t, r.JWKS().Body)
	seen := map[string]int{}
	for _, kid := range kids {
		seen[kid]++
	}
	if seen[k.KID] != 1 {
		t.Fatalf("the signing kid %s is in the JWKS %d times: %v", k.KID, seen[k.KID], kids)
	}
	if k.KID == w.revoked || seen[w.revoked] > 0 {
		t.Fatal("a revoked kid signs or is published")
	}
	if v, ok := r.VerificationKey(k.KID); !ok || v.Ring != k.Ring || v.Version != k.Version || v.KID != k.KID {
		t.Fatalf("the signing key verifies as %+v, %v", v, ok)
	}
	if kid, err := vaultkeys.Thumbprint(k.Public); err != nil || kid != k.KID {
		t.Fatalf("kid %s does not name its key: %v", k.KID, err)
	}
}

func TestWhateverOperatorsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { t.Repeat(newWorld(t).actions()) })
}
