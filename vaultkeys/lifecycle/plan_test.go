package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"signet/vaultkeys/lifecycle"
)

// The policy of the table: each wait is another power of ten, so that a sum
// tells which ones went into it.
var planPolicy = lifecycle.Policy{
	PublishDelay: 1000 * time.Second, MaxTTL: 13 * time.Hour, RotationPeriod: 90 * 24 * time.Hour,
	RetireMargin: 100 * time.Second, RefreshInterval: 10 * time.Second, ClockSkew: 1 * time.Second,
}

const (
	fenceWait  = 11 * time.Second
	retireWait = 13*time.Hour + 100*time.Second
	rollover   = 1000*time.Second + fenceWait + retireWait
	period     = 90 * 24 * time.Hour
)

// standing has seen each value since that long before the epoch.
func standing(seen ...any) lifecycle.Standing {
	var s lifecycle.Standing
	for i := 0; i < len(seen); i += 2 {
		s.See(seen[i].(int), at(-seen[i+1].(time.Duration))) //nolint:forcetypeassert // the tables below
	}
	return s
}

func created(ages ...time.Duration) []lifecycle.Version {
	out := make([]lifecycle.Version, 0, len(ages))
	for i, age := range ages {
		out = append(out, lifecycle.Version{Number: i + 1, CreatedAt: at(-age)})
	}
	return out
}

// due are the actions that a keeper would take at the epoch.
func due(steps []lifecycle.Step) []lifecycle.Action {
	var out []lifecycle.Action
	for _, s := range steps {
		if !s.Due.After(epoch) {
			out = append(out, s.Action)
		}
	}
	return out
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	type action = lifecycle.Action
	long := standing(9, 99*day) // whatever it is, it was there long ago
	young := 1011 * time.Second // the age at which a version is fenced
	tests := map[string]struct {
		ring lifecycle.Ring
		seen lifecycle.Observed
		trim time.Duration
		want []action
	}{
		"nothing to do for a young ring": {
			ring: lifecycle.Ring{Versions: created(day), MinDecryption: 1, Latest: 1},
		},
		"no version": {ring: lifecycle.Ring{MinDecryption: 1, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Fence: standing(2, 99*day)}},
		"a version whose time is unknown": {
			ring: lifecycle.Ring{Versions: append(created(day), lifecycle.Version{Number: 2}), MinDecryption: 1, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Fence: standing(2, 99*day), Latest: long},
		},
		"rotates at the period":    {ring: lifecycle.Ring{Versions: created(period), MinDecryption: 1, Latest: 1}, want: []action{{lifecycle.Rotate, 1}}},
		"and not before":           {ring: lifecycle.Ring{Versions: created(period - 1), MinDecryption: 1, Latest: 1}},
		"the newest's age counts":  {ring: lifecycle.Ring{Versions: created(2*period, period-1), MinEncryption: 2, MinDecryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long}},
		"two live: rotates":        {ring: lifecycle.Ring{Versions: created(2*period, period), MinEncryption: 2, MinDecryption: 1, Latest: 2}, want: []action{{lifecycle.Rotate, 2}}},
		"three live: waits":        {ring: lifecycle.Ring{Versions: created(2*period, period, period), MinEncryption: 3, MinDecryption: 1, Latest: 3}},
		"three live, one unusable": {ring: lifecycle.Ring{Versions: created(2*period, period), MinEncryption: 2, MinDecryption: 1, Latest: 3}},
		"three live, for a second period": {
			ring: lifecycle.Ring{Versions: created(3*period, 3*period, 2*period), MinEncryption: 3, MinDecryption: 1, Latest: 3},
			seen: lifecycle.Observed{Latest: standing(3, 2*rollover)}, want: []action{{lifecycle.Rotate, 3}},
		},
		"three live, and not before it": {
			ring: lifecycle.Ring{Versions: created(3*period, 3*period, 2*period-1), MinEncryption: 3, MinDecryption: 1, Latest: 3},
			seen: lifecycle.Observed{Latest: standing(3, 2*rollover)},
		},
		"three live, which this keeper could not have retired yet": {
			ring: lifecycle.Ring{Versions: created(3*period, 3*period, 2*period), MinEncryption: 3, MinDecryption: 1, Latest: 3},
			seen: lifecycle.Observed{Latest: standing(3, 2*rollover-1)},
		},
		"the latest may not sign: the newest that may counts, and a rotation comes after the latest": {
			ring: lifecycle.Ring{Versions: created(period), MinDecryption: 1, Latest: 2}, want: []action{{lifecycle.Rotate, 2}},
		},
		"fences when all replicas sign with it": {
			ring: lifecycle.Ring{Versions: created(day, young), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: long},
			want: []action{{lifecycle.Fence, 2}},
		},
		"and not before it": {
			ring: lifecycle.Ring{Versions: created(day, young-1), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: long},
		},
		"nor before the keeper has seen it for a while": {
			ring: lifecycle.Ring{Versions: created(day, young), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: standing(2, fenceWait-1)},
		},
		"that while": {
			ring: lifecycle.Ring{Versions: created(day, young), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: standing(2, fenceWait)},
			want: []action{{lifecycle.Fence, 2}},
		},
		"a later version was seen since then, this one longer": {
			ring: lifecycle.Ring{Versions: created(day, young, 1), MinDecryption: 1, Latest: 3}, seen: lifecycle.Observed{Latest: standing(2, fenceWait, 3, time.Duration(1))},
			want: []action{{lifecycle.Fence, 2}},
		},
		"never seen": {
			ring: lifecycle.Ring{Versions: created(day, young), MinDecryption: 1, Latest: 2},
		},
		"fences the furthest that is due": {
			ring: lifecycle.Ring{Versions: created(day, young+2, young+1, young, 1), MinDecryption: 1, Latest: 5}, seen: lifecycle.Observed{Latest: long},
			want: []action{{lifecycle.Fence, 4}},
		},
		"fenced already": {
			ring: lifecycle.Ring{Versions: created(day, young), MinDecryption: 1, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long},
		},
		"the only version needs no fence": {
			ring: lifecycle.Ring{Versions: created(day), MinDecryption: 1, Latest: 1}, seen: lifecycle.Observed{Latest: long},
		},
		"a version that may not sign is no fence": {
			ring: lifecycle.Ring{Versions: created(day), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: long},
		},
		"times are monotonic": {
			ring: lifecycle.Ring{Versions: created(young-1, day), MinDecryption: 1, Latest: 2}, seen: lifecycle.Observed{Latest: long},
		},
		"retires when the fence has stood": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait)},
			want: []action{{lifecycle.Retire, 2}},
		},
		"and not before that": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait-1)},
		},
		"a fence never seen": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long},
		},
		"no report of max_ttl means 12h, but not less than one's own": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Latest: long, Fence: standing(2, 12*time.Hour+100*time.Second), MaxTTL: 0},
		},
		"a larger max_ttl was reported": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait+time.Hour-1), MaxTTL: 14 * time.Hour},
		},
		"a larger max_ttl was reported, and has passed": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait+time.Hour), MaxTTL: 14 * time.Hour},
			want: []action{{lifecycle.Retire, 2}},
		},
		"a smaller one changes nothing": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 1, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait-1), MaxTTL: time.Hour},
		},
		"what the older fence has kept out is retired, the rest later": {
			ring: lifecycle.Ring{Versions: created(day, day, day), MinDecryption: 1, MinEncryption: 3, Latest: 3},
			seen: lifecycle.Observed{Latest: long, Fence: standing(2, retireWait, 3, retireWait-1)},
			want: []action{{lifecycle.Retire, 2}},
		},
		"all that the fence has kept out at once": {
			ring: lifecycle.Ring{Versions: created(day, day, day), MinDecryption: 1, MinEncryption: 3, Latest: 3},
			seen: lifecycle.Observed{Latest: long, Fence: standing(3, retireWait)},
			want: []action{{lifecycle.Retire, 3}},
		},
		"retired already": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2}, seen: lifecycle.Observed{Latest: long, Fence: standing(2, 2*retireWait)},
		},
		"trimming is off": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2},
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, 99*day), RetiredAt: at(-99 * day)},
		},
		"trims after the time": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, retireWait), RetiredAt: at(-30 * day)},
			want: []action{{lifecycle.Trim, 2}},
		},
		"not before the time": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, 99*day), RetiredAt: at(-30*day + 1)},
		},
		"not before this keeper's own clock says so": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, retireWait-1), RetiredAt: at(-99 * day)},
		},
		"not while it is unknown since when": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, 99*day)},
		},
		"not what may still sign": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 0, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Fence: long, Retired: standing(2, 99*day), RetiredAt: at(-99 * day)},
		},
		"trimmed already": {
			ring: lifecycle.Ring{Versions: created(day, day), MinDecryption: 2, MinEncryption: 2, MinAvailable: 2, Latest: 2}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(2, 99*day), RetiredAt: at(-99 * day)},
		},
		"nothing to trim": {
			ring: lifecycle.Ring{Versions: created(day), MinDecryption: 1, MinEncryption: 1, Latest: 1}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: long, Retired: standing(1, 99*day), RetiredAt: at(-99 * day)},
		},
		"everything at once, in order": {
			ring: lifecycle.Ring{Versions: created(9*period, 9*period, 9*period, 9*period)[1:], MinDecryption: 2, MinEncryption: 3, Latest: 4}, trim: 30 * day,
			seen: lifecycle.Observed{Latest: long, Fence: standing(3, retireWait), Retired: standing(2, retireWait), RetiredAt: at(-30 * day)},
			want: []action{{lifecycle.Fence, 4}, {lifecycle.Retire, 3}, {lifecycle.Trim, 2}, {lifecycle.Rotate, 4}},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planPolicy
			p.TrimAfter = tc.trim
			tc.seen.At = epoch
			steps := lifecycle.Plan(tc.ring, p, tc.seen, epoch)
			if got := due(steps); !slices.Equal(got, tc.want) {
				t.Fatalf("due %v, want %v; the plan is %+v", got, tc.want, steps)
			}
		})
	}
}

// TestPlanTellsWhen: what is not due yet says when it will be, and why.
func TestPlanTellsWhen(t *testing.T) {
	t.Parallel()
	ring := lifecycle.Ring{Versions: created(time.Hour, 30*time.Minute, 30*time.Minute, time.Second), MinDecryption: 1, MinEncryption: 2, Latest: 4}
	p := planPolicy
	p.PublishDelay, p.MaxTTL, p.TrimAfter = time.Hour, time.Hour, time.Hour
	seen := lifecycle.Observed{
		At: epoch, MaxTTL: 30 * time.Minute, Latest: standing(4, time.Duration(0)),
		Fence: standing(2, 10*time.Minute),
	}
	want := map[lifecycle.Action]time.Duration{
		// Two versions of the same age are fenced at once.
		{Kind: lifecycle.Fence, Version: 3}:  30*time.Minute + fenceWait,
		{Kind: lifecycle.Retire, Version: 2}: 50*time.Minute + 100*time.Second,
		{Kind: lifecycle.Rotate, Version: 4}: 2*period - time.Second,
	}
	steps := lifecycle.Plan(ring, p, seen, epoch)
	for _, s := range steps {
		in, ok := want[s.Action]
		if !ok || !s.Due.Equal(at(in)) || s.Why == "" {
			t.Errorf("%+v is due in %v, want %v", s, s.Due.Sub(epoch), in)
		}
	}
	if len(steps) != len(want) {
		t.Errorf("steps %+v, want %v", steps, want)
	}
}

// TestPlanFencesTogether: of versions whose time comes at once the last is the
// plan, not the first.
func TestPlanFencesTogether(t *testing.T) {
	t.Parallel()
	ring := lifecycle.Ring{Versions: created(time.Hour, time.Second, time.Second, 0), MinDecryption: 1, Latest: 4}
	steps := lifecycle.Plan(ring, planPolicy, lifecycle.Observed{At: epoch, Latest: standing(4, time.Hour)}, epoch)
	want := lifecycle.Action{Kind: lifecycle.Fence, Version: 3}
	if len(steps) == 0 || steps[0].Action != want || !steps[0].Due.Equal(at(999*time.Second+fenceWait)) {
		t.Errorf("the plan is %+v, want %+v first", steps, want)
	}
}

// TestPlanWithoutPeriod: a ring without a rotation period is not rotated.
func TestPlanWithoutPeriod(t *testing.T) {
	t.Parallel()
	p := planPolicy
	p.RotationPeriod = 0
	ring := lifecycle.Ring{Versions: created(9 * period), MinDecryption: 1, Latest: 1}
	if steps := lifecycle.Plan(ring, p, lifecycle.Observed{At: epoch}, epoch); len(steps) > 0 {
		t.Errorf("the plan is %+v", steps)
	}
}

// TestStandingDoesNotGrow: a keeper looks every few seconds for years.
func TestStandingDoesNotGrow(t *testing.T) {
	s := standing(2, time.Hour)
	if n := testing.AllocsPerRun(1, func() {
		for range 1000 {
			s.See(2, epoch)
		}
	}); n != 0 {
		t.Errorf("%v allocations while nothing changed", n)
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	var s lifecycle.Standing
	want := func(value int, stood time.Duration, stands bool) {
		t.Helper()
		if got, ok := s.For(value, at(time.Hour)); got != stood || ok != stands {
			t.Errorf("stood at %d for %v, %v; want %v, %v", value, got, ok, stood, stands)
		}
	}
	want(1, 0, false)
	s.See(2, at(0))
	s.See(2, at(1*time.Minute)) // still there
	s.See(4, at(2*time.Minute))
	want(1, 60*time.Minute, true)
	want(2, 60*time.Minute, true)
	want(3, 58*time.Minute, true)
	want(4, 58*time.Minute, true)
	want(5, 0, false)
	s.See(3, at(3*time.Minute)) // lowered: at 3 it stands anew, at 2 it stood all the time
	want(2, 60*time.Minute, true)
	want(3, 57*time.Minute, true)
	want(4, 0, false)
	s.See(4, at(4*time.Minute))
	want(4, 56*time.Minute, true)
	s.See(1, at(5*time.Minute))
	want(1, 55*time.Minute, true)
	want(2, 0, false)
}
