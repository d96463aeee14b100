package lifecycle_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/vaultkeys/lifecycle"
)

// world is a ring in Vault, replicas that sign with it, and keepers that follow
// Plan. Its clock is Vault's.
type world struct {
	*rapid.T
	now       time.Time
	symmetric bool
	policy    lifecycle.Policy // the replicas'
	truth     lifecycle.Ring   // with creation times, also of hmac versions
	firstSeen map[int]time.Time
	replicas  []*replica
	keepers   []*watcher
	reported  time.Duration
	lastUse   map[int]time.Time // version -> when it last made a signature
	manual    int               // rotations by hand so far
}

type replica struct {
	offset   time.Duration // of its clock
	schedule lifecycle.Schedule
	readAt   time.Time
}

// watcher is a keeper: its monotonic clock starts anywhere.
type watcher struct {
	offset                 time.Duration
	latest, fence, retired lifecycle.Standing
}

func draw(t *rapid.T, from, to time.Duration, label string) time.Duration {
	return time.Duration(rapid.Int64Range(int64(from/time.Second), int64(to/time.Second)).Draw(t, label)) * time.Second
}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, now: epoch, symmetric: rapid.Bool().Draw(t, "hmac"), firstSeen: map[int]time.Time{}, lastUse: map[int]time.Time{}}
	p := lifecycle.Policy{RefreshInterval: 10 * time.Second, ClockSkew: draw(t, 0, 8*time.Second, "clock_skew")}
	p.MaxTTL = draw(t, time.Minute, 10*time.Minute, "max_ttl")
	// The guards of the configuration.
	p.RetireMargin = 2*p.ClockSkew + p.RefreshInterval + draw(t, time.Second, time.Minute, "margin")
	p.PublishDelay = 2*p.ClockSkew + p.RefreshInterval + draw(t, time.Minute, 10*time.Minute, "delay")
	p.RotationPeriod = p.PublishDelay + p.MaxTTL + draw(t, time.Second, time.Hour, "period")
	if rapid.Bool().Draw(t, "trim") {
		p.TrimAfter = draw(t, time.Minute, time.Hour, "trim_after")
	}
	w.reported = p.MaxTTL + draw(t, -p.MaxTTL, 20*time.Minute, "reported")
	w.policy = p
	w.create()
	for range rapid.IntRange(1, 3).Draw(t, "replicas") {
		r := &replica{offset: draw(t, -p.ClockSkew, p.ClockSkew, "offset")}
		w.read(r)
		w.replicas = append(w.replicas, r)
	}
	for range rapid.IntRange(1, 3).Draw(t, "keepers") {
		w.keepers = append(w.keepers, &watcher{offset: draw(t, -time.Hour, time.Hour, "monotonic")})
	}
	return w
}

func (w *world) create() {
	w.truth.Latest++
	w.truth.MinDecryption = max(1, w.truth.MinDecryption)
	created := w.now.Add(draw(w.T, -w.policy.ClockSkew, w.policy.ClockSkew, "node's clock"))
	w.truth.Versions = append(slices.Clone(w.truth.Versions), lifecycle.Version{Number: w.truth.Latest, CreatedAt: created})
}

// listed is a key read, with the times that its reader has.
func (w *world) listed(times bool) lifecycle.Ring {
	r := w.truth
	r.Versions = nil
	for _, v := range w.truth.Versions {
		if v.Number < r.MinDecryption {
			continue
		}
		if w.symmetric {
			v.CreatedAt = time.Time{}
			if times {
				if _, ok := w.firstSeen[v.Number]; !ok {
					w.firstSeen[v.Number] = w.now
				}
				v.CreatedAt = w.firstSeen[v.Number]
			}
		}
		r.Versions = append(r.Versions, v)
	}
	return r
}

// effective is the policy as it holds for the ring's type.
func (w *world) effective() lifecycle.Policy {
	p := w.policy
	if w.symmetric {
		p.PublishDelay = 0
	}
	return p
}

func (w *world) read(r *replica) {
	r.schedule, r.readAt = lifecycle.NewSchedule(w.listed(false), w.effective()), w.now
}

// sign is a token by each replica, just before it would read again too.
func (w *world) sign() {
	for _, r := range w.replicas {
		v, ok := r.schedule.Signing(w.now.Add(r.offset))
		if !ok || v < w.truth.MinEncryption {
			w.Fatalf("a replica that reads in time signs with %d, %v; the ring is %+v", v, ok, w.truth)
		}
		w.lastUse[v] = w.now
	}
}

// advance lets time pass; the replicas read each refresh interval.
func (w *world) advance(d time.Duration) {
	for end := w.now.Add(d); w.now.Before(end); {
		step := end.Sub(w.now)
		for _, r := range w.replicas {
			step = min(step, w.policy.RefreshInterval-w.now.Sub(r.readAt))
		}
		w.now = w.now.Add(step)
		w.sign()
		for _, r := range w.replicas {
			if w.now.Sub(r.readAt) >= w.policy.RefreshInterval {
				w.read(r)
			}
		}
		w.sign()
	}
}

// look is a keeper's view of what is due.
func (w *world) look(k *watcher) []lifecycle.Action {
	ring, at := w.listed(true), w.now.Add(k.offset)
	k.latest.See(ring.Latest, at)
	k.fence.See(ring.MinEncryption, at)
	k.retired.See(ring.MinDecryption, at)
	seen := lifecycle.Observed{At: at, Latest: k.latest, Fence: k.fence, Retired: k.retired, MaxTTL: w.reported, RetiredAt: epoch}
	var out []lifecycle.Action
	for _, s := range lifecycle.Plan(ring, w.effective(), seen, w.now) {
		if !s.Due.After(w.now) {
			out = append(out, s.Action)
		}
	}
	return out
}

// do is a write, as Vault takes it, with what must hold of it.
func (w *world) do(a lifecycle.Action) {
	r := &w.truth
	switch a.Kind {
	case lifecycle.Rotate:
		if live := r.Latest - r.MinDecryption + 1; w.manual == 0 && live > 2 {
			w.Fatalf("a scheduled rotation makes %d live versions: %+v", live+1, r)
		}
		w.create()
	case lifecycle.Fence:
		if a.Version <= r.MinEncryption || a.Version > r.Latest {
			w.Fatalf("%+v of %+v", a, r)
		}
		w.everyReplicaSignsWith(a.Version)
		r.MinEncryption = a.Version
	case lifecycle.Retire:
		if a.Version <= r.MinDecryption || a.Version > r.MinEncryption {
			w.Fatalf("%+v of %+v", a, r)
		}
		for v, at := range w.lastUse {
			if left := max(w.policy.MaxTTL, w.reported) + w.policy.RetireMargin - w.now.Sub(at); v < a.Version && left > 0 {
				w.Fatalf("%+v: a token of version %d lives for another %v", a, v, left)
			}
		}
		r.MinDecryption = a.Version
	case lifecycle.Trim:
		if w.policy.TrimAfter == 0 || a.Version <= r.MinAvailable || a.Version > r.MinDecryption || a.Version > r.MinEncryption {
			w.Fatalf("%+v of %+v", a, r)
		}
		r.MinAvailable = a.Version
	}
}

// everyReplicaSignsWith: whatever its clock, within the skew, and whenever it
// last read, within the interval.
func (w *world) everyReplicaSignsWith(v int) {
	s := lifecycle.NewSchedule(w.listed(false), w.effective())
	for _, offset := range []time.Duration{-w.policy.ClockSkew, 0, w.policy.ClockSkew} {
		if got, ok := s.Signing(w.now.Add(offset)); !ok || got < v {
			w.Fatalf("a fence at %d while a replica whose clock is %v off signs with %d", v, offset, got)
		}
	}
}

// converge does what is due until nothing is.
func (w *world) converge(k *watcher) {
	for range 10 {
		actions := w.look(k)
		if len(actions) == 0 {
			return
		}
		w.do(actions[0])
	}
	w.Fatalf("ten actions, and more to come: %v of %+v", w.look(k), w.truth)
}

// pass lets time pass: with that keeper at work, or with none, and then all of
// them begin anew. A moment may pass without any.
func (w *world) pass(k *watcher) {
	pause := draw(w.T, 0, 30*time.Minute, "pause")
	if pause > w.policy.RefreshInterval && rapid.IntRange(0, 3).Draw(w.T, "nobody at work") == 0 {
		for _, k := range w.keepers {
			*k = watcher{offset: k.offset}
		}
		w.advance(pause)
		return
	}
	for end := w.now.Add(pause); w.now.Before(end); {
		w.advance(min(w.policy.RefreshInterval, end.Sub(w.now)))
		w.converge(k)
	}
}

// TestPlanKeepsItsPromises: rotations by schedule and by hand, keepers that
// race, restart and rest, replicas whose clocks differ and that poll.
func TestPlanKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		byHand := rapid.Bool().Draw(t, "rotations by hand")
		for range rapid.IntRange(10, 30).Draw(t, "events") {
			k := rapid.SampledFrom(w.keepers).Draw(t, "keeper")
			w.pass(k)
			switch rapid.IntRange(0, 9).Draw(t, "event") {
			case 0:
				if byHand {
					for range rapid.IntRange(1, 3).Draw(t, "within a second") {
						w.create()
						w.manual++
					}
				}
			case 1:
				*k = watcher{offset: k.offset + draw(t, -time.Hour, time.Hour, "a new start")}
			case 2: // ends after the first action
				if actions := w.look(k); len(actions) > 0 {
					w.do(actions[0])
				}
			default:
				w.converge(k)
			}
			w.sign()
		}
		// Whatever happened, a keeper left alone ends in a right state.
		for range 300 {
			w.advance(w.policy.RefreshInterval)
			w.converge(w.keepers[0])
		}
		if end := w.truth; end.MinEncryption > end.Latest || end.MinDecryption > max(1, end.MinEncryption) {
			t.Fatalf("the ring ends as %+v", end)
		}
	})
}

// TestPlanFromAnyAnswer: whatever Vault answers and a keeper has seen, an
// action only ever raises, and doing it makes it disappear.
func TestPlanFromAnyAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, p, now := rings(t), policies(t), times(t, "now")
		p.RotationPeriod, p.RefreshInterval, p.ClockSkew = time.Hour, 10*time.Second, 5*time.Second
		p.MaxTTL, p.RetireMargin, p.TrimAfter = time.Minute, time.Minute, time.Minute
		seen := lifecycle.Observed{At: now, MaxTTL: time.Minute, RetiredAt: times(t, "retired")}
		for _, s := range []*lifecycle.Standing{&seen.Latest, &seen.Fence, &seen.Retired} {
			for range rapid.IntRange(0, 3).Draw(t, "seen") {
				s.See(rapid.IntRange(0, 12).Draw(t, "value"), times(t, "since"))
			}
		}
		last := -1
		for _, s := range lifecycle.Plan(r, p, seen, now) {
			order := slices.Index(lifecycle.Kinds(), s.Kind)
			if order <= last {
				t.Fatalf("%v is out of order", s)
			}
			last = order
			after := r
			ok := true
			switch s.Kind {
			case lifecycle.Fence:
				ok = s.Version > r.MinEncryption && s.Version <= r.Latest
				after.MinEncryption = s.Version
			case lifecycle.Retire:
				ok = s.Version > r.MinDecryption && s.Version <= r.MinEncryption
				after.MinDecryption = s.Version
				after.Versions = slices.DeleteFunc(slices.Clone(r.Versions), func(v lifecycle.Version) bool { return v.Number < s.Version })
			case lifecycle.Trim:
				ok = s.Version > r.MinAvailable && s.Version <= r.MinDecryption && s.Version <= r.MinEncryption
				after.MinAvailable = s.Version
			case lifecycle.Rotate:
				ok = s.Version == r.Latest
				after.Latest++
				after.Versions = append(slices.Clone(r.Versions), lifecycle.Version{Number: after.Latest, CreatedAt: now})
			}
			if !ok {
				t.Fatalf("%+v of %+v", s, r)
			}
			for _, again := range lifecycle.Plan(after, p, seen, now) {
				if again.Action == s.Action {
					t.Fatalf("%+v is wanted again of %+v", s, after)
				}
			}
		}
	})
}

// TestNoReportShortensTheWait: a report is what somebody wrote into Redis.
func TestNoReportShortensTheWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := lifecycle.Policy{MaxTTL: draw(t, time.Second, lifecycle.UnknownMaxTTL, "max_ttl"), RetireMargin: draw(t, 0, lifecycle.Cryptoperiod, "margin")}
		reported := time.Duration(rapid.Int64().Draw(t, "reported"))
		if wait := lifecycle.AfterFence(p, reported); wait < p.MaxTTL+p.RetireMargin {
			t.Fatalf("waits %v, less than %v + %v", wait, p.MaxTTL, p.RetireMargin)
		}
	})
}
