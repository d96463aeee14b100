package manual_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys/manual"
	"signet/vaultkeys/vaultapi"
)

// foreign is a kid of no ring.
const foreign = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// revoke plans and does it.
func (f *fixture) revoke(s manual.Suspects) (*manual.Revocations, *manual.Outcome, error) {
	f.t.Helper()
	o := f.operator()
	p, err := o.PlanRevoke(f.t.Context(), s)
	if err != nil {
		f.t.Fatal(err)
	}
	f.steps = nil
	out, err := o.Revoke(f.t.Context(), p)
	return p, out, err
}

// TestRevoke: what each form does to a ring of three versions, 1 retiring, 2
// active, 3 published.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		suspects func(f *fixture) manual.Suspects
		want     state
		signs    int
		revoked  []int
		dying    []int // versions that the plan names
		writes   int
	}{
		"the retiring one: the active one signs on": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{Version: 1} },
			want:     state{Latest: 3, MinDec: 2, MinEnc: 2, Avail: 2}, signs: 2, revoked: []int{1}, dying: []int{1}, writes: 2,
		},
		"the active one: the published one is promoted": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{Ring: "es", Version: 2} },
			want:     state{Latest: 3, MinDec: 3, MinEnc: 3, Avail: 3}, signs: 3, revoked: []int{2}, dying: []int{1, 2}, writes: 2,
		},
		"by kid": {
			suspects: func(f *fixture) manual.Suspects { return manual.Suspects{KID: f.kid("es", 2)} },
			want:     state{Latest: 3, MinDec: 3, MinEnc: 3, Avail: 3}, signs: 3, revoked: []int{2}, dying: []int{1, 2}, writes: 2,
		},
		"the active one, and a new version for it": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{Version: 2, Rotate: true} },
			want:     state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4}, signs: 4, revoked: []int{2}, dying: []int{1, 2, 3}, writes: 3,
		},
		"the published one: a new version": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{Version: 3} },
			want:     state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4}, signs: 4, revoked: []int{3}, dying: []int{1, 2, 3}, writes: 3,
		},
		"all": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{All: true} },
			want:     state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4}, signs: 4, revoked: []int{1, 2, 3}, dying: []int{1, 2, 3}, writes: 3,
		},
		"all up to one": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{All: true, Ring: "es", Version: 2} },
			want:     state{Latest: 3, MinDec: 3, MinEnc: 3, Avail: 3}, signs: 3, revoked: []int{1, 2}, dying: []int{1, 2}, writes: 2,
		},
		"a kid of no ring": {
			suspects: func(*fixture) manual.Suspects { return manual.Suspects{KID: foreign} },
			want:     state{Latest: 3, MinDec: 1, MinEnc: 0}, revoked: []int{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := threeVersions(t)
			s := c.suspects(f)
			var kids []string
			for _, v := range c.revoked {
				kids = append(kids, f.kid("es", v))
			}
			if len(kids) == 0 {
				kids = []string{s.KID}
			}
			p, out, err := f.revoke(s)
			if err != nil {
				t.Fatal(err)
			}
			f.want("es", c.want)
			f.listed(kids...)
			if out.Signs["es"] != c.signs {
				t.Errorf("version %d signs, want %d", out.Signs["es"], c.signs)
			}
			wantDying(t, p, c.dying)
			if got := len(f.steps) - len(kids); got != c.writes {
				t.Errorf("%d writes to Vault, want %d: %v", got, c.writes, f.steps)
			}
			slices.Sort(kids)
			if !slices.Equal(p.AllKIDs, kids) {
				t.Errorf("kids for the configuration: %q, want %q", p.AllKIDs, kids)
			}
			for _, v := range c.dying {
				if !strings.Contains(f.log.String(), "public_key") || !strings.Contains(f.log.String(), fmt.Sprintf("version=%d ", v)) {
					t.Errorf("the public key of version %d is not in the log:\n%s", v, f.log)
				}
			}
			if s.Rotate { // as the message says
				s.Above = p.Rings[0].Above
			}
			before, latest := f.steps, f.state("es").Latest
			if s.All && s.Version == 0 { // the same again, as the first run's message says
				s = manual.Suspects{All: true, Ring: "es", Version: latest - 1}
			}
			if _, _, err := f.revoke(s); err != nil || len(f.steps) > 0 {
				t.Errorf("a second run does %v after %v, error %v", f.steps, before, err)
			}
			f.want("es", c.want)
		})
	}
}

func wantDying(t *testing.T, p *manual.Revocations, want []int) {
	t.Helper()
	var got []int
	for _, r := range p.Rings {
		for _, v := range r.Dying {
			got = append(got, v.Number)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the plan says that %v die, want %v", got, want)
	}
}

// threeVersions is a ring with 1 retiring, 2 active and 3 published.
func threeVersions(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.advance(time.Hour)
	f.vault.Rotate("es")
	f.advance(time.Minute)
	return f
}

// TestRevokeSaysWhatItDoes: each write of the plan is the write that is done.
func TestRevokeSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	for _, s := range []manual.Suspects{{Version: 1}, {Version: 2}, {Version: 3}, {Version: 2, Rotate: true}, {All: true}} {
		f := threeVersions(t)
		p, out, err := f.revoke(s)
		if err != nil {
			t.Fatal(err)
		}
		var planned, did []string
		for _, step := range p.Rings[0].Steps {
			planned = append(planned, step.String())
		}
		for _, step := range f.steps[len(p.KIDs):] {
			did = append(did, step.String())
		}
		if !slices.Equal(planned, did) {
			t.Errorf("%+v: planned %q, did %q", s, planned, did)
		}
		if p.Rings[0].Next != out.Signs["es"] {
			t.Errorf("%+v: planned that %d signs, and %d does", s, p.Rings[0].Next, out.Signs["es"])
		}
	}
}

// TestRevokeNeverPromotesARevokedVersion: 3 is on the list already, or above it.
func TestRevokeNeverPromotesARevokedVersion(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]func(f *fixture, kid string){
		"in Redis":             func(f *fixture, kid string) { f.redis.revoked[kid] = manual.Revocation{} },
		"in the configuration": func(f *fixture, kid string) { f.cfg.RevokedKIDs = []string{kid} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := threeVersions(t)
			list(f, f.kid("es", 3))
			if _, out, err := f.revoke(manual.Suspects{Version: 1}); err != nil || out.Signs["es"] != 4 {
				t.Fatalf("%+v, %v", out, err)
			}
			f.want("es", state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4})
		})
	}
}

func TestRevokeLowersNothing(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.vault.Configure("es", 1, 3) // fenced above what a revocation of 1 needs
	if _, out, err := f.revoke(manual.Suspects{Version: 1}); err != nil || out.Signs["es"] != 3 {
		t.Fatalf("%+v, %v", out, err)
	}
	f.want("es", state{Latest: 3, MinDec: 2, MinEnc: 3, Avail: 2})
}

// TestRevokeInterrupted: every request of a revocation fails in turn, done or
// not, for good: the command ends. Run again, it ends as it does without.
func TestRevokeInterrupted(t *testing.T) {
	t.Parallel()
	for _, s := range []manual.Suspects{{Version: 2}, {Version: 2, Rotate: true}, {Version: 3}, {All: true, Ring: "es", Version: 3}} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v lost=%v", s, lost), func(t *testing.T) {
				t.Parallel()
				want := threeVersions(t)
				if _, _, err := want.revoke(s); err != nil {
					t.Fatal(err)
				}
				interrupted := 0
				for n := 1; ; n++ {
					f := threeVersions(t)
					kid, cut := f.kid("es", s.Version), f.cutAt(n, lost, vaultapi.ErrPermissionDenied)
					f.cfg.Vault = cut
					if p, err := f.operator().PlanRevoke(t.Context(), s); err == nil {
						if _, err := f.operator().Revoke(t.Context(), p); err == nil {
							break
						}
					}
					interrupted++
					f.cfg.Vault = f.vault
					again := s
					if s.Rotate { // as the message says
						again.Above = 3
					}
					if n%2 == 0 && !s.All { // as well by its kid: Vault may list it no longer
						again = manual.Suspects{KID: kid, Rotate: s.Rotate, Above: again.Above}
					}
					if _, _, err := f.revoke(again); err != nil {
						t.Fatal(err)
					}
					f.want("es", want.state("es"))
					if _, ok := f.redis.revoked[kid]; !ok {
						t.Errorf("after request %d it is not on the list", n)
					}
				}
				if interrupted < 5 {
					t.Errorf("only %d requests were interrupted", interrupted)
				}
			})
		}
	}
}

// TestRevokeGoesOnByItself: one request fails as Vault does for a moment.
func TestRevokeGoesOnByItself(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{vaultapi.ErrUnavailable, vaultapi.ErrSealed, vaultapi.ErrBadRequest} {
		for _, lost := range []bool{false, true} {
			for n := 1; ; n++ {
				f := threeVersions(t)
				p, err := f.operator().PlanRevoke(t.Context(), manual.Suspects{Version: 3})
				if err != nil {
					t.Fatal(err)
				}
				cut := f.cutAt(n, lost, failure)
				f.cfg.Vault = cut
				if _, err := f.operator().Revoke(t.Context(), p); err != nil {
					t.Fatalf("request %d: %v", n, err)
				}
				f.want("es", state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4})
				if cut.Count < n {
					break
				}
			}
		}
	}
}

// TestRevokeAmongOthers: whatever somebody else does to the ring between any
// two requests of a revocation, it ends with nothing suspect left.
func TestRevokeAmongOthers(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]func(f *fixture){
		"a rotation": func(f *fixture) { f.vault.Rotate("es") },
		"a keeper's fence": func(f *fixture) {
			if s := f.state("es"); s.MinEnc < s.Latest {
				f.vault.Configure("es", s.MinDec, s.Latest)
			}
		},
		"the same revocation": func(f *fixture) {
			if _, _, err := f.revoke(manual.Suspects{Version: 2}); err != nil {
				f.t.Error(err)
			}
		},
		"a lowered fence": func(f *fixture) {
			if s := f.state("es"); s.MinEnc > s.MinDec {
				f.vault.Configure("es", s.MinDec, s.MinDec)
			}
		},
		"lowered minimums": func(f *fixture) {
			if s := f.state("es"); s.Avail <= 1 {
				f.vault.Configure("es", 1, 1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= 8; n++ {
				f := threeVersions(t)
				dead := f.kid("es", 2)
				requests := 0
				f.vault.Hook(func(context.Context, string, string) {
					if requests++; requests == n {
						f.vault.Hook(nil)
						other(f)
					}
				})
				_, out, err := f.revoke(manual.Suspects{Version: 2})
				if err != nil {
					t.Fatalf("before request %d: %v", n, err)
				}
				s := f.state("es")
				if s.Avail < 3 || out.Signs["es"] < 3 {
					t.Errorf("before request %d: %+v, %d signs", n, s, out.Signs["es"])
				}
				f.listed(dead)
			}
		})
	}
}

// TestRevokeDoesNotHold: somebody always lowers the minimums again before the
// trim. The command says so, within its time.
func TestRevokeDoesNotHold(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.cfg.Patience = 50 * time.Millisecond
	f.cfg.Vault = &refusing{Vault: f.vault, path: "transit/keys/es/trim", err: vaultapi.ErrBadRequest}
	_, _, err := f.revoke(manual.Suspects{Version: 2})
	if !errors.Is(err, manual.ErrUnsettled) || !strings.Contains(err.Error(), "min_available_version 0") || !strings.Contains(err.Error(), `ring "es"`) {
		t.Fatal(err)
	}
}

// refusing refuses writes to a path, or all with that suffix.
type refusing struct {
	manual.Vault
	path string
	err  error
}

func (v *refusing) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	if strings.HasSuffix(path, v.path) {
		return vaultapi.Meta{}, v.err
	}
	return v.Vault.Write(ctx, path, in, out)
}

// TestRevokeDoesNotWait: what no waiting mends ends it at once.
func TestRevokeDoesNotWait(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.cfg.Vault = &refusing{Vault: f.vault, path: "/trim", err: vaultapi.ErrPermissionDenied}
	f.cfg.Pause = func(context.Context, time.Duration) error { t.Error("it waited"); return nil }
	if _, _, err := f.revoke(manual.Suspects{Version: 2}); !errors.Is(err, vaultapi.ErrPermissionDenied) {
		t.Fatal(err)
	}
}

// TestRevokeWithoutRedis: Vault's steps are done all the same, with a version
// that cannot be suspect; the kids are told, and a second run mends the list.
func TestRevokeWithoutRedis(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]func(f *fixture){
		"none":               func(f *fixture) { f.cfg.Shared = manual.Shared{} },
		"it does not answer": func(f *fixture) { f.redis.err = errDown },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := threeVersions(t)
			kid := f.kid("es", 2)
			down(f)
			_, out, err := f.revoke(manual.Suspects{Version: 2})
			if !errors.Is(err, manual.ErrNotListed) || !slices.Equal(out.Missing, []string{kid}) {
				t.Fatalf("%+v, %v", out, err)
			}
			f.want("es", state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4})
			f.redis.err, f.cfg.Shared = nil, f.redis.shared()
			if _, out, err = f.revoke(manual.Suspects{KID: kid}); err != nil || len(out.Missing) > 0 {
				t.Fatalf("%+v, %v", out, err)
			}
			f.listed(kid)
			f.want("es", state{Latest: 4, MinDec: 4, MinEnc: 4, Avail: 4})
		})
	}
}

// TestRevokeListsAtLast: Redis answers again while Vault's steps are done.
func TestRevokeListsAtLast(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.redis.err = errDown
	f.cfg.Did = func(manual.Step) { f.redis.err = nil }
	kid := f.kid("es", 2)
	_, out, err := f.revoke(manual.Suspects{Version: 2})
	if err != nil || len(out.Missing) > 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	f.listed(kid)
}

// TestRevokeARestoredBackup: a kid on the list is back, under the number that
// it had; and it dies again.
func TestRevokeARestoredBackup(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	backup, kid := f.vault.Backup("es"), f.kid("es", 2)
	if _, _, err := f.revoke(manual.Suspects{Version: 2}); err != nil {
		t.Fatal(err)
	}
	f.vault.Restore("es", backup)
	l := f.look()
	if l.Revoked[0].ListedBy != "es" {
		t.Errorf("the list does not say that Vault has it again: %+v", l.Revoked)
	}
	if _, _, err := f.revoke(manual.Suspects{KID: kid}); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 3, MinDec: 3, MinEnc: 3, Avail: 3})
}

// TestRevokeSymmetric: an HS256 version's kid comes from Vault or from Redis;
// without either, Vault's steps are done and the plan says so.
func TestRevokeSymmetric(t *testing.T) {
	t.Parallel()
	hs := ringOf("hs", signer.HS256)
	for name, c := range map[string]struct {
		prepare func(f *fixture, kid string)
		known   bool
	}{
		"Vault tells":       {func(*fixture, string) {}, true},
		"Redis tells":       {func(f *fixture, kid string) { f.vault.Configure("hs", 1, 2); f.redis.kids["hs"][1] = kid }, true},
		"the token may not": {func(f *fixture, kid string) { f.refuse("transit/hmac/hs"); f.redis.kids["hs"][1] = kid }, true},
		"nobody tells":      {func(f *fixture, _ string) { f.refuse("transit/hmac/hs"); clear(f.redis.kids["hs"]) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, hs)
			f.vault.Rotate("hs")
			kid := f.firstHMACKID()
			c.prepare(f, kid)
			p, out, err := f.revoke(manual.Suspects{Version: 1})
			if err != nil || out.Signs["hs"] != 2 {
				t.Fatalf("%+v, %v", out, err)
			}
			f.want("hs", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
			if c.known {
				f.listed(kid)
			} else if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, "the kid of version 1 is not known, so it cannot go on the revoked list") {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func (f *fixture) refuse(path string) {
	f.cfg.Vault = &refusing{Vault: f.vault, path: path, err: vaultapi.ErrPermissionDenied}
}

// TestRevokeRetired: a version that Vault lists no longer, but has not deleted.
func TestRevokeRetired(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.vault.Configure("es", 2, 2)
	p, _, err := f.revoke(manual.Suspects{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 3, MinDec: 2, MinEnc: 2, Avail: 2})
	if !strings.Contains(strings.Join(p.Notes, "\n"), "the kid of version 1 is not known") {
		t.Errorf("notes: %q", p.Notes)
	}
}

// TestRevokeSeveralRings: the kid is in one, all is in both, and a ring that
// cannot be read keeps nothing from the other.
func TestRevokeSeveralRings(t *testing.T) {
	t.Parallel()
	rings := func(t *testing.T) *fixture {
		t.Helper()
		return newFixture(t, ringOf("a", signer.ES256), ringOf("b", signer.EdDSA))
	}
	f := rings(t)
	if _, _, err := f.revoke(manual.Suspects{KID: f.kid("b", 1)}); err != nil {
		t.Fatal(err)
	}
	f.want("a", state{Latest: 1, MinDec: 1})
	f.want("b", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})

	f = rings(t)
	if _, _, err := f.revoke(manual.Suspects{All: true}); err != nil {
		t.Fatal(err)
	}
	for _, ring := range []string{"a", "b"} {
		f.want(ring, state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
	}

	for _, s := range []func(f *fixture) manual.Suspects{
		func(*fixture) manual.Suspects { return manual.Suspects{All: true} },
		func(f *fixture) manual.Suspects { return manual.Suspects{KID: f.kid("b", 1)} },
	} {
		f = rings(t)
		f.vault.DeleteKey("a")
		kid := f.kid("b", 1)
		if _, _, err := f.revoke(s(f)); err == nil || !strings.Contains(err.Error(), `ring "a"`) {
			t.Fatal(err)
		}
		f.want("b", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
		f.listed(kid)
	}
}

// TestRevokeWithVaultAway: a kid can be put on the list all the same, which is
// what replicas obey.
func TestRevokeWithVaultAway(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	f.vault.Seal(true)
	if _, _, err := f.revoke(manual.Suspects{KID: foreign}); !errors.Is(err, vaultapi.ErrSealed) {
		t.Fatal(err)
	}
	f.listed(foreign)
	if _, err := f.operator().PlanRevoke(t.Context(), manual.Suspects{Version: 2}); !errors.Is(err, vaultapi.ErrSealed) {
		t.Fatal(err)
	}
}

func TestRevokeRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("a", signer.ES256), ringOf("b", signer.EdDSA))
	for _, s := range []manual.Suspects{
		{},
		{Ring: "a"},
		{Version: 1},
		{Ring: "a", Version: 2},
		{Ring: "c", Version: 1},
		{Ring: "a", Version: -1},
		{KID: foreign, Ring: "a"},
		{KID: foreign, Version: 1},
		{KID: foreign, All: true},
		{KID: "k"},
		{KID: foreign + "A"},
		{All: true, Version: 1},
		{All: true, Ring: "c"},
	} {
		if p, err := f.operator().PlanRevoke(t.Context(), s); !errors.Is(err, manual.ErrChoice) {
			t.Errorf("%+v: %+v, %v", s, p, err)
		}
	}
}

// TestRevokeCancelled: Ctrl-C is no lack of time.
func TestRevokeCancelled(t *testing.T) {
	t.Parallel()
	f := threeVersions(t)
	p, err := f.operator().PlanRevoke(t.Context(), manual.Suspects{Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.operator().Revoke(ctx, p); !errors.Is(err, context.Canceled) || errors.Is(err, manual.ErrUnsettled) {
		t.Error(err)
	}
}

// TestRevokeRetiredByNote: the replicas' notes tell the kid that Vault does not.
func TestRevokeRetiredByNote(t *testing.T) {
	t.Parallel()
	for name, suspects := range map[string]func(kid string) manual.Suspects{
		"by number": func(string) manual.Suspects { return manual.Suspects{Version: 1} },
		"by kid":    func(kid string) manual.Suspects { return manual.Suspects{KID: kid} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := threeVersions(t)
			kid := f.kid("es", 1)
			f.redis.kids["es"][1] = kid
			f.vault.Configure("es", 2, 2)
			if v := row(t, f.look(), "es", 1); v.State != manual.Retired || v.KID != kid {
				t.Errorf("%+v", v)
			}
			if _, _, err := f.revoke(suspects(kid)); err != nil {
				t.Fatal(err)
			}
			f.want("es", state{Latest: 3, MinDec: 2, MinEnc: 2, Avail: 2})
			f.listed(kid)
		})
	}
}

// TestNotesOfAReplacedKey: the note stays, for replicas to find out.
func TestNotesOfAReplacedKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	f.redis.kids["hs"][1] = foreign
	l := f.look()
	if v := row(t, l, "hs", 1); v.KID != f.firstHMACKID() || f.redis.kids["hs"][1] != foreign {
		t.Errorf("%+v, noted %q", v, f.redis.kids["hs"][1])
	}
	if !strings.Contains(strings.Join(l.Notes, "\n"), "it was replaced") {
		t.Errorf("notes: %q", l.Notes)
	}
}
