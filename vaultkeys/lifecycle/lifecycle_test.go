package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/vaultkeys/lifecycle"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return epoch.Add(d) }

func TestSigning(t *testing.T) {
	t.Parallel()
	const delay = time.Hour
	v := func(n int, d time.Duration) lifecycle.Version {
		return lifecycle.Version{Number: n, CreatedAt: at(d)}
	}
	tests := map[string]struct {
		ring lifecycle.Ring
		now  time.Duration
		want int
		ok   bool
	}{
		"no version at all":                 {ring: lifecycle.Ring{}, now: 0, want: 0, ok: false},
		"bootstrap signs at once":           {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0)}}, 0, 1, true},
		"bootstrap takes the lowest":        {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0), v(2, 0)}}, 0, 1, true},
		"before activation the old signs":   {lifecycle.Ring{Versions: []lifecycle.Version{v(1, -9*delay), v(2, 0)}}, delay - 1, 1, true},
		"at activation the new signs":       {lifecycle.Ring{Versions: []lifecycle.Version{v(1, -9*delay), v(2, 0)}}, delay, 2, true},
		"the newest activated, not lowest":  {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0), v(2, 1), v(3, 2)}}, 9 * delay, 3, true},
		"emergency: minimum ahead of time":  {lifecycle.Ring{Versions: []lifecycle.Version{v(1, -9*delay), v(2, 0)}, MinEncryption: 2}, 0, 2, true},
		"emergency: lowest above minimum":   {lifecycle.Ring{Versions: []lifecycle.Version{v(1, -9*delay), v(2, 0), v(3, 0)}, MinEncryption: 2}, 0, 2, true},
		"none at or above the minimum":      {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0)}, MinEncryption: 2}, 0, 0, false},
		"clock behind the keeper's":         {lifecycle.Ring{Versions: []lifecycle.Version{v(3, 0), v(4, 0)}, MinEncryption: 4}, -9 * delay, 4, true},
		"later version created earlier":     {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0), v(2, -delay)}}, delay - 1, 1, true},
		"later version created earlier (2)": {lifecycle.Ring{Versions: []lifecycle.Version{v(1, 0), v(2, -delay)}}, delay, 2, true},
		"hmac versions have no time":        {lifecycle.Ring{Versions: []lifecycle.Version{{Number: 1}, {Number: 2}}}, 0, 2, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, ok := lifecycle.Signing(tc.ring, lifecycle.Policy{PublishDelay: delay}, at(tc.now))
			if got != tc.want || ok != tc.ok {
				t.Fatalf("Signing = %d, %v; want %d, %v", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	ring := lifecycle.Ring{Versions: []lifecycle.Version{
		{Number: 2, CreatedAt: at(-3 * time.Hour)}, {Number: 3, CreatedAt: at(-2 * time.Hour)}, {Number: 4, CreatedAt: at(0)},
	}, MinDecryption: 2, Latest: 4}
	got := lifecycle.States(ring, lifecycle.Policy{PublishDelay: time.Hour}, at(0))
	want := map[int]lifecycle.State{2: lifecycle.Retiring, 3: lifecycle.Active, 4: lifecycle.Published}
	if len(got) != len(want) {
		t.Fatalf("States = %v, want %v", got, want)
	}
	for v, s := range want {
		if got[v] != s {
			t.Errorf("state of %d = %q, want %q", v, got[v], s)
		}
	}
}

// rings draws what Vault may answer: ascending versions with gaps in time, a
// clock that may step back, minimums that Vault would accept.
func rings(t *rapid.T) lifecycle.Ring {
	first := rapid.IntRange(1, 5).Draw(t, "first")
	n := rapid.IntRange(1, 6).Draw(t, "n")
	r := lifecycle.Ring{MinDecryption: first, Latest: first + n - 1}
	for i := range n {
		r.Versions = append(r.Versions, lifecycle.Version{
			Number:    first + i,
			CreatedAt: at(time.Duration(rapid.Int64Range(-100, 100).Draw(t, "created")) * time.Minute),
		})
	}
	if rapid.Bool().Draw(t, "fenced") {
		r.MinEncryption = rapid.IntRange(first, r.Latest).Draw(t, "min_encryption")
	}
	return r
}

func policies(t *rapid.T) lifecycle.Policy {
	return lifecycle.Policy{PublishDelay: time.Duration(rapid.Int64Range(0, 120).Draw(t, "delay")) * time.Minute}
}

func times(t *rapid.T, label string) time.Time {
	return at(time.Duration(rapid.Int64Range(-300, 300).Draw(t, label)) * time.Minute)
}

func TestSigningNeverMovesBackwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p := rings(t), policies(t)
		a, b := times(t, "a"), times(t, "b")
		if b.Before(a) {
			a, b = b, a
		}
		va, oka := lifecycle.Signing(r, p, a)
		vb, okb := lifecycle.Signing(r, p, b)
		if oka != okb || vb < va {
			t.Fatalf("signs with %d (%v) at %v and %d (%v) at %v", va, oka, a, vb, okb, b)
		}
	})
}

func TestRaisingTheMinimumNeverMovesSigningBackwards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p, now := rings(t), policies(t), times(t, "now")
		before, _ := lifecycle.Signing(r, p, now)
		r.MinEncryption = rapid.IntRange(max(1, r.MinEncryption), r.Latest).Draw(t, "raised")
		after, ok := lifecycle.Signing(r, p, now)
		if ok && after < before {
			t.Fatalf("raising the minimum moved signing from %d back to %d", before, after)
		}
	})
}

func TestSigningIsListedAndAllowed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p, now := rings(t), policies(t), times(t, "now")
		v, ok := lifecycle.Signing(r, p, now)
		if !ok {
			t.Fatalf("no signing version though Vault lists %v", r.Versions)
		}
		if v < max(1, r.MinEncryption) || v < r.MinDecryption || v > r.Latest {
			t.Fatalf("signing version %d is outside what Vault allows: %+v", v, r)
		}
		if lifecycle.States(r, p, now)[v] != lifecycle.Active {
			t.Fatalf("signing version %d is not the active one", v)
		}
	})
}

func TestANewVersionWaitsForItsActivation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p, now := rings(t), policies(t), times(t, "now")
		v, _ := lifecycle.Signing(r, p, now)
		created := r.Versions[v-r.MinDecryption].CreatedAt
		if !now.Before(created.Add(p.PublishDelay)) {
			return // activated
		}
		for _, old := range r.Versions {
			activation, _ := lifecycle.Activation(r, p, old.Number)
			if old.Number < v && old.Number >= r.MinEncryption && !activation.After(now) {
				t.Fatalf("version %d signs %v before its activation, although %d is activated",
					v, created.Add(p.PublishDelay).Sub(now), old.Number)
			}
		}
	})
}

func TestSigningIsTheNewestActivated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p, now := rings(t), policies(t), times(t, "now")
		// The definition, written naively.
		want := 0
		for _, v := range r.Versions {
			if a, ok := lifecycle.Activation(r, p, v.Number); ok && !a.After(now) && v.Number >= r.MinEncryption {
				want = v.Number
			}
		}
		if want == 0 {
			for _, v := range slices.Backward(r.Versions) {
				if v.Number >= max(1, r.MinEncryption) {
					want = v.Number
				}
			}
		}
		if got, _ := lifecycle.Signing(r, p, now); got != want {
			t.Fatalf("Signing = %d, want %d for %+v at %v", got, want, r, now)
		}
	})
}

func TestMonotonic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rings(t)
		got := lifecycle.Monotonic(r.Versions)
		for i, v := range got {
			if v.Number != r.Versions[i].Number || v.CreatedAt.Before(r.Versions[i].CreatedAt) {
				t.Fatalf("%v became %v", r.Versions[i], v)
			}
			if i > 0 && v.CreatedAt.Before(got[i-1].CreatedAt) {
				t.Fatalf("not monotonic: %v", got)
			}
		}
		again := lifecycle.Monotonic(got)
		for i := range got {
			if again[i] != got[i] {
				t.Fatalf("not idempotent: %v, then %v", got, again)
			}
		}
	})
}

func TestScheduleAllocatesNothing(t *testing.T) {
	s := lifecycle.NewSchedule(lifecycle.Ring{Versions: []lifecycle.Version{{Number: 1}, {Number: 2}}}, lifecycle.Policy{})
	now := at(0)
	if n := testing.AllocsPerRun(100, func() { s.Signing(now) }); n != 0 {
		t.Fatalf("%v allocations a call", n)
	}
}
