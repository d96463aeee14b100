package manual_test

import (
	"strings"
	"testing"

	"signet/signer"
	"signet/vaultkeys/manual"
)

// TestRevokeBelievesNoForeignNote: whoever writes Redis cannot have a live key
// put on the list in place of the one that is revoked.
func TestRevokeBelievesNoForeignNote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring     string
		prepare  func(f *fixture)
		suspects func(f *fixture) manual.Suspects
		listed   func(f *fixture) []string
	}{
		"a live version of the same ring": {
			ring: "es",
			prepare: func(f *fixture) {
				f.vault.Configure("es", 2, 2)
				f.redis.kids["es"][1] = f.kid("es", 2)
			},
		},
		"a live version of another ring": {
			ring: "es",
			prepare: func(f *fixture) {
				f.vault.Configure("es", 2, 2)
				f.redis.kids["es"][1] = f.kid("other", 1)
			},
		},
		"of a fenced HS256 version": {
			ring: "hs",
			prepare: func(f *fixture) {
				f.vault.Configure("hs", 1, 2)
				f.redis.kids["hs"][1] = f.kid("other", 1)
			},
		},
		"all up to one": {
			ring: "hs",
			prepare: func(f *fixture) {
				f.vault.Configure("hs", 1, 2)
				f.redis.kids["hs"][1] = f.kid("other", 1)
			},
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{Ring: "hs", All: true, Version: 1} },
		},
		"that kid itself: the version of the note does not die with it": {
			ring: "other",
			prepare: func(f *fixture) {
				f.vault.Configure("hs", 1, 2)
				f.redis.kids["hs"][1] = f.kid("other", 1)
			},
			suspects: func(f *fixture) manual.Suspects { return manual.Suspects{KID: f.kid("other", 1)} },
			listed:   func(f *fixture) []string { return []string{f.kid("other", 1)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, ringOf("es", signer.ES256), ringOf("hs", signer.HS256), ringOf("other", signer.EdDSA))
			f.vault.Rotate("es")
			f.vault.Rotate("hs")
			f.advance(delay)
			c.prepare(f)
			s := manual.Suspects{Ring: c.ring, Version: 1}
			if c.suspects != nil {
				s = c.suspects(f)
			}
			var want []string
			if c.listed != nil {
				want = c.listed(f)
			}
			p, out, err := f.revoke(s)
			if err != nil || out.Signs[c.ring] != 2 || len(p.Rings) != 1 {
				t.Fatalf("%+v, %+v, %v", p, out, err)
			}
			f.want(c.ring, state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
			f.listed(want...)
			if notes := strings.Join(p.Notes, "\n"); want == nil && !strings.Contains(notes, "REFUSED") {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// TestRevokeNoteBesideAnUnreadRing: the noted kid could be of the ring that
// cannot be read, so it waits; Vault's own steps do not.
func TestRevokeNoteBesideAnUnreadRing(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("es", signer.ES256), ringOf("other", signer.EdDSA))
	f.vault.Rotate("es")
	f.advance(delay)
	kid := f.kid("es", 1)
	f.redis.kids["es"][1] = kid
	f.vault.Configure("es", 2, 2)
	f.vault.DeleteKey("other")
	if _, _, err := f.revoke(manual.Suspects{Ring: "es", Version: 1}); err == nil || !strings.Contains(err.Error(), `ring "other"`) {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
	f.listed()
	f.vault.CreateKey("other", "ed25519")
	if _, _, err := f.revoke(manual.Suspects{Ring: "es", Version: 1}); err != nil {
		t.Fatal(err)
	}
	f.listed(kid)
}

// TestRevokeReusedNumber: an earlier revocation of a former key of that number
// does not stand for the one that the replicas noted since.
func TestRevokeReusedNumber(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	kid := f.kid("es", 1)
	f.redis.kids["es"][1] = kid
	f.redis.revoked[foreign] = manual.Revocation{Ring: "es", Version: 1, At: f.now}
	f.vault.Configure("es", 2, 2)
	p, _, err := f.revoke(manual.Suspects{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	f.listed(kid, foreign)
	notes := strings.Join(p.Notes, "\n")
	for _, want := range []string{
		"kid " + kid + " of version 1 is from Redis' notes, not from Vault",
		"kid " + foreign + " of version 1 is from an earlier revocation in Redis, not from Vault",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q:\n%s", want, notes)
		}
	}
}
