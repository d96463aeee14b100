package vaultkeys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/signer"
	"signet/vaultkeys"
)

// notes are kids as Redis keeps them, for all replicas.
type notes struct {
	mu      sync.Mutex
	kids    map[string]map[int]string
	proofs  map[string]map[int]string
	err     error
	broken  string // a ring whose notes cannot be read
	written int    // kids
}

func newNotes() *notes {
	return &notes{kids: map[string]map[int]string{}, proofs: map[string]map[int]string{}}
}

func (n *notes) Remember(_ context.Context, ring string, version int, kid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return n.err
	}
	n.written++
	set(n.kids, ring, version, kid)
	return nil
}

func (n *notes) RememberProof(_ context.Context, ring string, version int, proof string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err == nil {
		set(n.proofs, ring, version, proof)
	}
	return n.err
}

func set(all map[string]map[int]string, ring string, version int, text string) {
	if all[ring] == nil {
		all[ring] = map[int]string{}
	}
	all[ring][version] = text
}

func (n *notes) Recall(_ context.Context, ring string) (map[int]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if ring == n.broken {
		return nil, errAway
	}
	return maps.Clone(n.kids[ring]), n.err
}

func (n *notes) RecallProofs(_ context.Context, ring string) (map[int]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return maps.Clone(n.proofs[ring]), n.err
}

var errAway = errors.New("connection refused")

// fenced is an HS256 ring of whose versions the first one is fenced, its kid,
// and what a replica noted before that.
func fenced(t *testing.T) (f *fixture, shared *notes, old string) {
	t.Helper()
	shared = newNotes()
	f = newFixture(t, func(c *vaultkeys.RingsConfig) { c.KIDs = shared }, ring("es", signer.ES256), ring("hs", signer.HS256))
	f.load(t)
	vaultkeys.KIDNotes(f.rings)(t.Context())
	old = f.signing(t, "hs").KID
	f.vault.Rotate("hs")
	f.vault.Configure("hs", 1, 2)
	f.load(t)
	return f, shared, old
}

func with(shared vaultkeys.KIDs) func(*vaultkeys.RingsConfig) {
	return func(c *vaultkeys.RingsConfig) { c.KIDs = shared }
}

func both() []vaultkeys.RingConfig {
	return []vaultkeys.RingConfig{ring("hs", signer.HS256), ring("es", signer.ES256)}
}

func (f *fixture) wants(t *testing.T, kid string, version int) {
	t.Helper()
	if k, ok := f.rings.VerificationKey(kid); ok != (version > 0) || k.Version != version {
		t.Fatalf("verifies by kid %q: %v, %+v, want version %d\n%s", kid, ok, k, version, f.log)
	}
}

// held are the kinds of the alarms that hold.
func (f *fixture) held() string {
	var kinds []string
	for _, a := range f.rings.Alarms() {
		kinds = append(kinds, a.Kind)
	}
	return strings.Join(kinds, " ")
}

// A replica that starts after the fence learns from another one's note which
// version an old token is of.
func TestKIDOfAFencedVersionIsRecalled(t *testing.T) {
	t.Parallel()
	f, shared, old := fenced(t)
	late := newReplica(f.clock, f.vault, with(shared), both())
	late.load(t)
	late.wants(t, old, 1)
	if key := late.signing(t, "hs"); key.Version != 2 {
		t.Fatalf("signs with %+v", key)
	}
	if late.held() != "" || late.alarms(t, "hs", "kid_unknown") != 0 {
		t.Fatalf("alarm: %s", late.log)
	}
	want := `
# HELP signet_ring_versions Key versions of a ring by state.
# TYPE signet_ring_versions gauge
signet_ring_versions{ring="es",state="active"} 1
signet_ring_versions{ring="es",state="barred"} 0
signet_ring_versions{ring="es",state="published"} 0
signet_ring_versions{ring="es",state="retiring"} 0
signet_ring_versions{ring="es",state="revoked"} 0
signet_ring_versions{ring="es",state="vanished"} 0
signet_ring_versions{ring="hs",state="active"} 1
signet_ring_versions{ring="hs",state="barred"} 0
signet_ring_versions{ring="hs",state="published"} 0
signet_ring_versions{ring="hs",state="retiring"} 1
signet_ring_versions{ring="hs",state="revoked"} 0
signet_ring_versions{ring="hs",state="vanished"} 0
`
	if err := testutil.GatherAndCompare(late.reg, strings.NewReader(want), "signet_ring_versions"); err != nil {
		t.Error(err)
	}
	// It is not noted again: nobody vouches for it here.
	written := shared.written
	vaultkeys.KIDNotes(late.rings)(t.Context())
	if shared.written != written+1 { // version 2
		t.Errorf("%d notes", shared.written-written)
	}
	// Retirement ends it.
	f.vault.Configure("hs", 2, 2)
	late.load(t)
	late.wants(t, old, 0)
}

// Redis is away when the kid is wanted: an alarm, and again at the next read.
func TestRecallIsTriedAgain(t *testing.T) {
	t.Parallel()
	f, shared, old := fenced(t)
	shared.err = errAway
	late := newReplica(f.clock, f.vault, with(shared), both())
	for range 3 {
		late.load(t)
	}
	late.wants(t, old, 0)
	if late.held() != "kid_unknown" || late.alarms(t, "hs", "kid_unknown") != 3 {
		t.Fatalf("held: %q", late.held())
	}
	if log := late.log.String(); strings.Count(log, "cannot be recalled") != 1 || strings.Count(log, "alarm=kid_unknown") != 1 {
		t.Fatalf("an outage is two lines:\n%s", log)
	}
	if n := f.vault.Calls("write", "transit/hmac/hs"); n != 4 { // two by the first replica, two by this one
		t.Errorf("Vault was asked %d times", n)
	}
	shared.err = nil
	late.load(t)
	late.wants(t, old, 1)
	if late.held() != "" {
		t.Fatalf("the alarm still holds: %q", late.held())
	}
	shared.err = errAway // what is recalled stays
	late.load(t)
	late.wants(t, old, 1)
	// A new token of Vault's may be for another Vault: everything is asked anew.
	shared.err = nil
	f.vault.Login()
	late.load(t)
	late.wants(t, old, 1)
}

// A note counts only where Vault refuses, and takes nothing from anybody.
func TestFalseNotes(t *testing.T) {
	t.Parallel()
	f, shared, old := fenced(t)
	current := f.signing(t, "hs").KID
	other := f.signing(t, "es").KID
	for name, kid := range map[string]string{
		"none":                        "",
		"short":                       old[:42],
		"long":                        old + "A",
		"not base64url":               old[:42] + "+",
		"another spelling":            old[:42] + "B",
		"line break":                  old[:42] + "\n",
		"the newer version's":         current,
		"another ring's":              other,
		"revoked in the mean time":    strings.Repeat("R", 42) + "A",
		"the old kid of another text": base64.StdEncoding.EncodeToString([]byte(old)),
	} {
		for _, rings := range [][]vaultkeys.RingConfig{both(), {ring("es", signer.ES256), ring("hs", signer.HS256)}} {
			set(shared.kids, "hs", 1, kid)
			set(shared.proofs, "hs", 1, kid)
			late := newReplica(f.clock, f.vault, func(c *vaultkeys.RingsConfig) {
				c.KIDs, c.RevokedKIDs = shared, []string{strings.Repeat("R", 42) + "A"}
			}, rings)
			late.load(t)
			late.load(t)
			late.wants(t, old, 0)
			late.wants(t, current, 2)
			if late.signing(t, "hs").KID != current || late.signing(t, "es").KID != other || !equal(late.kids(t), []string{other}) {
				t.Errorf("%s: something signs with another key", name)
			}
			if name != "revoked in the mean time" {
				if k, ok := late.rings.VerificationKey(kid); ok && k.Version == 1 && k.Ring == "hs" {
					t.Errorf("%s: verifies by %+v", name, k)
				}
			} else {
				late.wants(t, kid, 0)
			}
		}
	}
	// Vault computes again (somebody lowered the minimum): its own word counts.
	set(shared.kids, "hs", 1, strings.Repeat("F", 42)+"A")
	late := newReplica(f.clock, f.vault, with(shared), both())
	late.load(t)
	late.wants(t, strings.Repeat("F", 42)+"A", 0)
	f.vault.Configure("hs", 1, 1)
	late.load(t)
	late.wants(t, old, 1)
	if late.held() != "" {
		t.Errorf("held: %q", late.held())
	}
}

// A revoked HS256 key is dead under every kid: whoever has it can sign a header
// with another one, but not make a note that gives the version that kid.
func TestRevokedVersionGetsNoOtherKID(t *testing.T) {
	t.Parallel()
	f, shared, old := fenced(t)
	proof, newer := shared.proofs["hs"][1], proofUnder(t, f, 2, vaultkeys.KIDLabel)
	f.vault.Configure("hs", 1, 1)
	otherLabel := proofUnder(t, f, 1, "alias")
	f.vault.Configure("hs", 1, 2)
	made := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), sha256.Size))
	for name, forged := range map[string]string{
		"a note only": "", "the true proof": proof, "an invented proof": made, "the newer version's": newer,
		"a MAC of another text": otherLabel, "a longer one": proof + "AAAA", "no base64": "?",
	} {
		alias := aliasOf(forged)
		set(shared.kids, "hs", 1, alias)
		set(shared.proofs, "hs", 1, forged)
		late := newReplica(f.clock, f.vault, func(c *vaultkeys.RingsConfig) {
			c.KIDs, c.RevokedKIDs = shared, []string{old}
		}, both())
		before := f.vault.Calls("write", "transit/verify/hs")
		for range 3 {
			late.load(t)
		}
		for _, kid := range []string{old, alias} {
			if k, ok := late.rings.VerificationKey(kid); ok && k.Version == 1 {
				t.Errorf("%s: %q verifies by %+v", name, kid, k)
			}
		}
		isFalse := forged != "" && forged != proof
		if n := strings.Count(late.log.String(), "is false and ignored"); (n == 1) != isFalse || n > 1 {
			t.Errorf("%s: told %d times:\n%s", name, n, late.log)
		}
		if held := late.held(); (held == "kid_unknown") != (forged != proof) {
			t.Errorf("%s: held %q", name, held)
		}
		if n := f.vault.Calls("write", "transit/verify/hs") - before; n > 1 {
			t.Errorf("%s: Vault was asked %d times", name, n)
		}
		// Who knows better puts it right, and then it counts.
		vaultkeys.KIDNotes(f.rings)(t.Context())
		if shared.proofs["hs"][1] != proof {
			t.Errorf("%s: the proof is not put back", name)
		}
		late.load(t)
		if late.held() != "revoked_listed" {
			t.Errorf("%s: held %q although the proof is there", name, late.held())
		}
		late.wants(t, old, 0) // known, and revoked
	}
}

// aliasOf is the kid that a proof would give a version, or just another one.
func aliasOf(proof string) string {
	mac, _ := base64.StdEncoding.DecodeString(proof)
	sum := sha256.Sum256(mac)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// proofUnder is the HMAC of a text under a version of ring "hs", in base64.
func proofUnder(t *testing.T, f *fixture, version int, text string) string {
	t.Helper()
	var out struct {
		HMAC string `json:"hmac"`
	}
	in := map[string]string{"input": base64.StdEncoding.EncodeToString([]byte(text)), "key_version": strconv.Itoa(version)}
	if _, err := f.vault.Write(t.Context(), "transit/hmac/hs", in, &out); err != nil {
		t.Fatal(err)
	}
	_, proof, _ := strings.Cut(out.HMAC, fmt.Sprintf("vault:v%d:", version))
	return proof
}

// What is wrong with one ring's notes does not keep the others' back.
func TestOneRingsNotesFail(t *testing.T) {
	t.Parallel()
	shared := newNotes()
	shared.broken = "hs"
	f := newFixture(t, with(shared), both()...)
	f.load(t)
	vaultkeys.KIDNotes(f.rings)(t.Context())
	if shared.kids["es"][1] == "" || shared.proofs["hs"][1] == "" || strings.Count(f.log.String(), "cannot be noted") != 1 {
		t.Errorf("kids %v, proofs %v\n%s", shared.kids, shared.proofs, f.log)
	}
}

// Each kid is noted once by each process, and what fails is noted later.
func TestKIDsAreNoted(t *testing.T) {
	t.Parallel()
	shared := newNotes()
	f := newFixture(t, with(shared), both()...)
	round := vaultkeys.KIDNotes(f.rings)
	round(t.Context()) // before the first read
	f.load(t)
	shared.err = errAway
	round(t.Context())
	round(t.Context())
	if shared.written != 0 || strings.Count(f.log.String(), "cannot be noted") != 1 {
		t.Fatalf("%d notes\n%s", shared.written, f.log)
	}
	shared.err = nil
	for range 3 {
		f.load(t)
		round(t.Context())
	}
	f.vault.Rotate("es")
	f.load(t)
	round(t.Context())
	if shared.written != 3 || shared.kids["es"][2] != kidOf(t, f, 2) || shared.kids["hs"][1] != f.signing(t, "hs").KID {
		t.Fatalf("%d notes: %v", shared.written, shared.kids)
	}
	if !strings.Contains(f.log.String(), "noted for other replicas again") || f.held() != "" {
		t.Fatalf("log:\n%s", f.log)
	}
	// Redis was emptied: what is known here is put back.
	before := maps.Clone(shared.kids["es"])
	shared.kids = map[string]map[int]string{}
	round(t.Context())
	if shared.written != 6 || !maps.Equal(shared.kids["es"], before) {
		t.Fatalf("%d notes: %v", shared.written, shared.kids)
	}
	// Another replica has read something newer: its reading stands, and the next
	// one here will show it.
	newer := strings.Repeat("N", 42) + "A"
	set(shared.kids, "es", 2, newer)
	round(t.Context())
	if shared.written != 6 || f.held() != "" {
		t.Fatalf("%d notes, held %q", shared.written, f.held())
	}
}

// A key that was replaced while no replica ran is noticed by the first that
// starts, once; the rotations that follow are none of that.
func TestKeyChangedWhileNobodyLooked(t *testing.T) {
	t.Parallel()
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			shared := newNotes()
			f := newFixture(t, with(shared), ring("k", alg))
			f.vault.Rotate("k")
			f.vault.Rotate("k")
			f.load(t)
			vaultkeys.KIDNotes(f.rings)(t.Context())
			before := maps.Clone(shared.kids["k"])

			f.vault.CreateKey("k", vaultkeys.ParamsOf(alg, 0).KeyType) // deleted and made anew
			second := newReplica(f.clock, f.vault, with(shared), []vaultkeys.RingConfig{ring("k", alg)})
			round := vaultkeys.KIDNotes(second.rings)
			for range 2 {
				second.load(t)
				round(t.Context())
			}
			if second.alarms(t, "k", "key_changed") != 1 || second.held() != "key_changed" {
				t.Fatalf("not noticed, or more than once: %s", second.log)
			}
			if a := second.rings.Alarms()[0]; a.KID != before[1] || a.Version != 1 || a.Ring != "k" || !a.Since.Equal(f.now()) {
				t.Fatalf("%+v", a)
			}
			f.vault.Rotate("k")
			second.load(t)
			round(t.Context())
			if second.alarms(t, "k", "key_changed") != 1 {
				t.Fatalf("a rotation is taken for a replacement: %s", second.log)
			}
			third := newReplica(f.clock, f.vault, with(shared), []vaultkeys.RingConfig{ring("k", alg)})
			third.load(t)
			vaultkeys.KIDNotes(third.rings)(t.Context())
			if third.held() != "" {
				t.Fatalf("noticed again at each start: %s", third.log)
			}
		})
	}
}

// What a running replica sees itself it reports once, and the notes follow.
func TestKeyChangedWhileWatching(t *testing.T) {
	t.Parallel()
	shared := newNotes()
	f := newFixture(t, with(shared))
	round := vaultkeys.KIDNotes(f.rings)
	f.load(t)
	round(t.Context())
	f.vault.CreateKey("es", "ecdsa-p256")
	f.load(t)
	round(t.Context())
	if f.alarms(t, "es", "key_changed") != 1 || shared.kids["es"][1] != kidOf(t, f, 1) {
		t.Fatalf("%v\n%s", shared.kids, f.log)
	}
}
