package manual_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/manual"
	"signet/vaultkeys/vaultapi"
)

// do does a plan, after looking at what it refuses.
func (f *fixture) do(p *manual.Plan, err error) error {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	f.steps = nil
	return f.operator().Do(f.t.Context(), p, false)
}

func refuses(t *testing.T, p *manual.Plan, err error, texts ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(p.Refusals, "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			t.Errorf("no refusal says %q: %q", text, all)
		}
	}
	if len(p.Refusals) != len(texts) {
		t.Errorf("refused %q, want %q", p.Refusals, texts)
	}
}

func (f *fixture) planRotate() (*manual.Plan, error) {
	return f.operator().PlanRotate(f.t.Context(), "")
}

func (f *fixture) planRetire(r manual.Retire) (*manual.Plan, error) {
	return f.operator().PlanRetire(f.t.Context(), r)
}

func (f *fixture) planTrim() (*manual.Plan, error) { return f.operator().PlanTrim(f.t.Context(), "") }

func TestRotate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, err := f.planRotate()
	if signs := f.now.Add(delay).Format("2006-01-02 15:04:05"); err != nil || !strings.Contains(p.Steps[0].Means, signs) {
		t.Fatalf("%+v, %v", p, err)
	}
	if err := f.do(p, err); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 1})

	p, err = f.planRotate()
	refuses(t, p, err, "version 2 is published")
	if err := f.do(p, err); !errors.Is(err, manual.ErrRefused) || !strings.Contains(err.Error(), "version 2 is published") {
		t.Fatal(err)
	}
	if err := f.operator().Do(t.Context(), p, true); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 3, MinDec: 1})
	f.advance(delay)
	p, err = f.planRotate()
	refuses(t, p, err, "3 versions are live")
	f.vault.Configure("es", 2, 2)
	if err := f.do(f.planRotate()); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 4, MinDec: 2, MinEnc: 2})
}

func TestRotateSymmetric(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	for range 2 { // nothing waits to sign
		if err := f.do(f.planRotate()); err != nil {
			t.Fatal(err)
		}
	}
	f.want("hs", state{Latest: 3, MinDec: 1})
}

// TestRetire: the first run only fences, one too early is refused, and after
// max_ttl and the margin version 1 retires.
func TestRetire(t *testing.T) {
	t.Parallel()
	f := twoVersions(t)
	p, err := f.planRetire(manual.Retire{})
	refuses(t, p, err)
	if err := f.do(p, err); err != nil || len(p.Gone) > 0 || p.Again.IsZero() {
		t.Fatalf("%+v, %v", p, err)
	}
	f.want("es", state{Latest: 2, MinDec: 1, MinEnc: 2})
	over := f.now.Add(time.Second + alive)

	f.advance(alive)
	p, err = f.planRetire(manual.Retire{})
	refuses(t, p, err, "live tokens of version 1 die: the last of them is over at "+over.Format("2006-01-02 15:04:05"))
	if err := f.do(p, err); !errors.Is(err, manual.ErrRefused) || !p.Again.Equal(over) {
		t.Fatalf("%+v, %v", p, err)
	}
	f.advance(time.Second)
	p, err = f.planRetire(manual.Retire{To: 2})
	refuses(t, p, err)
	gone := f.kid("es", 1)
	if err := f.do(p, err); err != nil || len(p.Gone) != 1 || p.Gone[0].KID != gone || len(p.Gone[0].JWK) == 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
	if log := f.log.String(); !strings.Contains(log, "public_key") || !strings.Contains(log, gone) {
		t.Errorf("the public key is not in the log:\n%s", log)
	}
	p, err = f.planRetire(manual.Retire{})
	if err := f.do(p, err); err != nil || len(p.Steps)+len(f.steps) > 0 {
		t.Errorf("nothing is left: %+v, %v", p, err)
	}
}

// twoVersions is a ring with 1 retiring and 2 active.
func twoVersions(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.advance(delay)
	return f
}

// TestRetireWaitsForWhatReplicasReport: the largest max_ttl counts, and 12h
// where none is known.
func TestRetireWaitsForWhatReplicasReport(t *testing.T) {
	t.Parallel()
	for reported, wait := range map[time.Duration]time.Duration{0: 12 * time.Hour, time.Minute: maxTTL, time.Hour: time.Hour} {
		f := twoVersions(t)
		f.redis.largest = reported
		f.vault.Configure("es", 1, 2)
		f.look()
		f.advance(wait + margin)
		p, err := f.planRetire(manual.Retire{})
		refuses(t, p, err, "live tokens of version 1 die")
		f.advance(time.Second)
		p, err = f.planRetire(manual.Retire{})
		refuses(t, p, err)
	}
}

func TestRetireForced(t *testing.T) {
	t.Parallel()
	f := twoVersions(t)
	p, err := f.planRetire(manual.Retire{Force: true})
	refuses(t, p, err, "live tokens of version 1 die")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.operator().Do(t.Context(), p, true); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

// TestRetireNeverBeyondTheSigner: not even with force.
func TestRetireNeverBeyondTheSigner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	if _, err := f.planRetire(manual.Retire{To: 2, Force: true}); !errors.Is(err, manual.ErrRefused) || !strings.Contains(err.Error(), "signs with version 1") {
		t.Error(err)
	}
	for _, to := range []int{-1, 3} {
		if _, err := f.planRetire(manual.Retire{To: to}); !errors.Is(err, manual.ErrChoice) {
			t.Error(err)
		}
	}
	f.redis.revoked[f.kid("es", 1)], f.redis.revoked[f.kid("es", 2)] = manual.Revocation{}, manual.Revocation{}
	if _, err := f.planRetire(manual.Retire{}); !errors.Is(err, manual.ErrRefused) {
		t.Error(err)
	}
}

func TestRetireWithoutRedis(t *testing.T) {
	t.Parallel()
	f := twoVersions(t)
	f.redis.err = errDown
	p, err := f.planRetire(manual.Retire{})
	refuses(t, p, err, "without Redis nobody remembers")
	f.vault.Configure("es", 1, 2)
	p, err = f.planRetire(manual.Retire{})
	refuses(t, p, err, "live tokens of version 1 may die: when min_encryption_version rose is not known (redis is down)")
	if err := f.operator().Do(t.Context(), p, true); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
}

func TestTrim(t *testing.T) {
	t.Parallel()
	f := twoVersions(t)
	p, err := f.planTrim()
	if err := f.do(p, err); err != nil || len(p.Steps) > 0 {
		t.Fatalf("nothing is retired: %+v, %v", p, err)
	}
	f.vault.Configure("es", 2, 0)
	p, err = f.planTrim()
	refuses(t, p, err, "version 1: first seen retired at")
	f.advance(alive)
	p, err = f.planTrim()
	refuses(t, p, err)
	if err := f.do(p, err); err != nil || len(p.Gone) != 1 || p.Gone[0].Number != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2}) // a trim needs min_encryption_version

	f = twoVersions(t)
	f.vault.Configure("es", 2, 2)
	f.redis.err = errDown
	p, err = f.planTrim()
	refuses(t, p, err, "when version 1 retired is not known")
	if err := f.operator().Do(t.Context(), p, true); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
}

// TestTrimSymmetric: Redis may know the kid of what is deleted.
func TestTrimSymmetric(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	f.redis.kids["hs"][1] = f.firstHMACKID()
	f.vault.Rotate("hs")
	f.vault.Configure("hs", 2, 2)
	f.look()
	f.advance(alive)
	p, err := f.planTrim()
	refuses(t, p, err)
	if err := f.do(p, err); err != nil || p.Gone[0].KID != f.redis.kids["hs"][1] {
		t.Fatalf("%+v, %v", p, err)
	}
}

// TestPlansOfAChangedRing: somebody acts between the plan and the write, or
// between the last look and the write.
func TestPlansOfAChangedRing(t *testing.T) {
	t.Parallel()
	plans := map[string]func(f *fixture) (*manual.Plan, error){
		"rotate": func(f *fixture) (*manual.Plan, error) { return f.planRotate() },
		"retire": func(f *fixture) (*manual.Plan, error) { return f.planRetire(manual.Retire{}) },
		"trim":   func(f *fixture) (*manual.Plan, error) { return f.planTrim() },
	}
	ready := func(t *testing.T) *fixture {
		t.Helper()
		f := threeVersions(t)
		f.vault.Configure("es", 1, 2)
		f.vault.Configure("es", 2, 2)
		f.planTrimSeen()
		f.advance(delay)
		f.vault.Configure("es", 2, 3)
		f.look()
		f.advance(2 * alive)
		return f
	}
	for name, plan := range plans {
		for other, act := range map[string]func(f *fixture){
			"rotates":   func(f *fixture) { f.vault.Rotate("es") },
			"retires":   func(f *fixture) { f.vault.Configure("es", 3, 3) },
			"unfences":  func(f *fixture) { f.vault.Configure("es", 2, 2) },
			"brings it": func(f *fixture) { f.vault.Configure("es", 1, 1) },
		} {
			t.Run(name+" while somebody "+other, func(t *testing.T) {
				t.Parallel()
				f := ready(t)
				p, err := plan(f)
				refuses(t, p, err)
				act(f)
				after := f.state("es")
				now, err := plan(f)
				same := err == nil && writes(now) == writes(p) && len(now.Refusals) == 0
				f.steps = nil
				switch err := f.operator().Do(t.Context(), p, false); {
				case same && err != nil:
					t.Errorf("the plan still holds: %v", err)
				case !same && (err == nil || len(f.steps) > 0):
					t.Errorf("the plan was %s and is %s: wrote %v, error %v", writes(p), writes(now), f.steps, err)
				}
				if s := f.state("es"); s.MinDec < after.MinDec || s.MinEnc < after.MinEnc || s.MinDec > 3 {
					t.Errorf("%+v became %+v", after, s)
				}
			})
		}
	}
}

func writes(p *manual.Plan) string {
	var all []string
	if p != nil {
		for _, s := range p.Steps {
			all = append(all, s.String())
		}
	}
	return strings.Join(all, "; ")
}

// planTrimSeen makes Redis remember that versions are retired.
func (f *fixture) planTrimSeen() {
	f.t.Helper()
	if _, err := f.planTrim(); err != nil {
		f.t.Fatal(err)
	}
}

// TestPlansAtAnyRequest: a request fails, done or not; what Vault shows
// decides, and the same command goes on.
func TestPlansAtAnyRequest(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		for _, failure := range []error{vaultapi.ErrUnavailable, vaultapi.ErrPermissionDenied} {
			t.Run(fmt.Sprintf("lost=%v %v", lost, failure), func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					f := twoVersions(t)
					cut := f.cutAt(n, lost, failure)
					f.cfg.Vault = cut
					force := manual.Retire{Force: true}
					p, err := f.planRetire(force)
					if err == nil {
						err = f.operator().Do(t.Context(), p, true)
					}
					if err != nil && !errors.Is(err, failure) {
						t.Fatalf("request %d: %v", n, err)
					}
					if cut.Count < n {
						f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
						break
					}
					f.cfg.Vault = f.vault
					if p, err = f.planRetire(force); err != nil {
						t.Fatal(err)
					}
					if err := f.operator().Do(t.Context(), p, true); err != nil {
						t.Fatal(err)
					}
					f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2})
				}
			})
		}
	}
}

// TestLostAnswers: Vault did it and nobody learned: no second version is made.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	p, err := f.planRotate()
	if err != nil {
		t.Fatal(err)
	}
	f.cfg.Vault = f.cutAt(2, true, vaultapi.ErrUnavailable) // a look, then the write
	if err := f.operator().Do(t.Context(), p, false); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 1})
}

// lagging shows, for some reads, what was before the last write.
type lagging struct {
	manual.Vault
	behind int
	old    vaultkeys.KeyData
}

func (v *lagging) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	meta, err := v.Vault.Read(ctx, path, out)
	if d, ok := out.(*vaultkeys.KeyData); ok && v.behind > 0 {
		v.behind--
		*d = v.old
	}
	return meta, err
}

func (v *lagging) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	v.old = vaultkeys.KeyData{}
	if _, err := v.Vault.Read(ctx, "transit/keys/es", &v.old); err != nil {
		return vaultapi.Meta{}, err
	}
	v.behind = 3
	return v.Vault.Write(ctx, path, in, out)
}

func TestPlansWaitForVaultToShowIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cfg.Vault = &lagging{Vault: f.vault}
	if err := f.do(f.planRotate()); err != nil {
		t.Fatal(err)
	}
	f.want("es", state{Latest: 2, MinDec: 1})
}

// TestRevokeOnALaggingStandby: what was written does not show at once; no
// second version is made because of that.
func TestRevokeOnALaggingStandby(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.cfg.Vault = &lagging{Vault: f.vault}
	if _, out, err := f.revoke(manual.Suspects{All: true}); err != nil || out.Signs["es"] != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	f.want("es", state{Latest: 2, MinDec: 2, MinEnc: 2, Avail: 2})
}
