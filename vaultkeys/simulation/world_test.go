package simulation

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

const (
	ring            = "simulated"
	refreshInterval = 10 * time.Second
	clockSkew       = 5 * time.Second
	requestDeadline = 3 * time.Second // config.RequestDeadline
	day             = 24 * time.Hour
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// instant is true time since the epoch. Nobody simulated can read it.
type instant = time.Duration

// world is one run.
type world struct {
	ctx  context.Context //nolint:containedctx // the run's own, and only the run uses it
	seed uint64
	cfg  settings
	rng  *rand.Rand
	now  instant

	queue queue
	count int

	vault      *vault
	vaultClock instant // its distance from the true time
	vaultDown  bool
	changed    instant // the last change of Vault's state
	redis      *redisTwin
	replicas   []*replica
	keepers    []*keeperProcess
	verifiers  []*verifier
	policy     lifecycle.Policy // the newest

	keys    map[string]*key // by kid
	publics map[string]*key // by public key
	sets    map[string]kids // by ETag
	revoked map[string]bool
	backups []backup
	report  *report

	byHand, emergency bool // what is being done to Vault is an operator's, and an emergency
	lastRevoked       instant
	deployed          instant // the last deployment's beginning
	rotated           instant // the last rotation
	restored          instant // the last restore
	handOver          instant // what vanished then may be published until then
	extra             []int   // versions that no schedule made, while they live
	overfull          bool    // a restore brought more than three live versions back
}

type event struct {
	at  instant
	seq int
	do  func()
}

type queue []event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any) {
	if e, ok := x.(event); ok {
		*q = append(*q, e)
	}
}

func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// simulate is a whole run.
func simulate(ctx context.Context, seed uint64, cfg settings) *report {
	w := &world{
		ctx: ctx, seed: seed, cfg: cfg, rng: rand.New(rand.NewPCG(seed, 0)),
		keys: map[string]*key{}, publics: map[string]*key{}, sets: map[string]kids{}, revoked: map[string]bool{}, policy: cfg.policy,
		report: newReport(seed), rotated: -day, restored: -day, lastRevoked: -day, deployed: -day,
	}
	w.redis = &redisTwin{w: w, reports: map[time.Duration]instant{}, seen: map[string]time.Time{}, revoked: map[string]bool{}, lost: -day}
	w.vault = newVault(ring, seed, func() time.Time { return epoch.Add(w.now + w.vaultClock) })
	w.vault.before, w.vault.after = w.beforeChange, w.afterChange
	// The first version signs at once, so it is published first of all.
	w.learn(w.vault.versions[1], byHand).listed = true
	for i := range cfg.replicas {
		w.replicas = append(w.replicas, newReplica(w, i))
	}
	for i := range cfg.verifiers {
		w.verifiers = append(w.verifiers, newVerifier(w, i))
	}
	for i := range cfg.keepers {
		w.keepers = append(w.keepers, newKeeperProcess(w, i))
	}
	w.scenario()
	w.run(cfg.length)
	return w.report
}

func (w *world) run(until instant) {
	for len(w.queue) > 0 && !w.report.full() && w.report.broken[w.cfg.stop] == 0 {
		e, ok := heap.Pop(&w.queue).(event)
		if !ok || e.at > until {
			return
		}
		w.now = e.at
		e.do()
	}
}

// at plans something for a time, now if that is over.
func (w *world) at(at instant, do func()) {
	w.count++
	heap.Push(&w.queue, event{max(at, w.now), w.count, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now+d, do) }

// during does something that belongs to an earlier time.
func (w *world) during(at instant, do func()) {
	now := w.now
	w.now = at
	do()
	w.now = now
}

// between draws a duration.
func between(rng *rand.Rand, from, to time.Duration) time.Duration {
	if to <= from {
		return from
	}
	return from + time.Duration(rng.Int64N(int64(to-from)))
}

func (w *world) draw(from, to time.Duration) time.Duration { return between(w.rng, from, to) }

func (w *world) chance(of float64) bool { return w.rng.Float64() < of }

// cadence is when somebody who polls does so: each 8 to 10 seconds, as
// vaultkeys.Jitter makes it, but as a function of the time, so that polls
// without effect can be left out.
type cadence struct {
	beat, phase time.Duration
	salt        uint64
}

func newCadence(rng *rand.Rand, interval time.Duration) cadence {
	beat := interval * 9 / 10
	return cadence{beat, between(rng, 0, beat), rng.Uint64()}
}

// poll is the k-th poll: at most half a tenth of the interval from the beat.
func (c cadence) poll(k int64) instant {
	x := c.salt ^ uint64(k)*0x9e3779b97f4a7c15 // splitmix64
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return c.phase + instant(k)*c.beat + instant(x%uint64(c.beat/9)) - c.beat/18
}

// last is the last poll at or before t.
func (c cadence) last(t instant) instant {
	k := int64((t-c.phase)/c.beat) + 1
	for c.poll(k) > t {
		k--
	}
	return c.poll(k)
}

// next is the first poll after t.
func (c cadence) next(t instant) instant {
	k := int64((t-c.phase)/c.beat) - 1
	for c.poll(k) <= t {
		k++
	}
	return c.poll(k)
}

// beforeChange: polls up to now see Vault as it still is, and what can be
// signed just before a fence is.
func (w *world) beforeChange(c change) {
	w.catchUp()
	if c.to.minEnc > c.from.minEnc {
		w.burst(1)
	}
	w.judge(c)
}

// catchUp performs all replicas' polls up to now.
func (w *world) catchUp() {
	for _, r := range w.replicas {
		r.catchUp()
	}
}

func (w *world) afterChange(c change) {
	w.changed = w.now
	w.relist(c)
	for _, r := range w.replicas {
		w.at(r.cadence.next(w.now), r.catchUp)
	}
	for _, k := range w.keepers {
		k.wake()
	}
	if c.to.minEnc > c.from.minEnc {
		for range 4 {
			w.after(w.draw(0, 2*refreshInterval), func() { w.burst(0.3) })
		}
	}
	if c.kind == "rotate" {
		w.burstsAround(c.to.latest)
		if w.cfg.rude {
			w.after(0, func() { w.away(w.policy.PublishDelay + w.draw(0, 6*time.Hour)) })
		}
	}
	w.after(refreshInterval+time.Millisecond, w.agree)
	w.after(2*refreshInterval, w.agree)
}

// burstsAround: all replicas sign around the activation of a version, by every
// policy that may then hold, and around the fence that follows.
func (w *world) burstsAround(version int) {
	created := w.vault.versions[version].CreationTime.Sub(epoch)
	for _, delay := range w.delays() {
		for range w.cfg.bursts {
			w.at(created+delay+w.draw(-12*time.Second, 50*time.Second), func() { w.burst(0.3) })
		}
		for _, r := range w.replicas { // just before, and at once when it is active by its own clock
			activation := created + delay - r.off(created+delay)
			w.at(activation-time.Millisecond, func() { w.request(r, w.draw(0, requestDeadline)) })
			w.at(activation+time.Millisecond, func() { w.request(r, 0) })
		}
	}
	w.at(created+w.draw(0, w.policy.PublishDelay), w.agree)
}

// delays are the publish delays of the replicas and of what is being rolled out.
func (w *world) delays() []time.Duration {
	all := []time.Duration{w.policy.PublishDelay}
	for _, r := range w.replicas {
		if !slices.Contains(all, r.policy.PublishDelay) {
			all = append(all, r.policy.PublishDelay)
		}
	}
	return all
}

var _ vaultkeys.Vault = (*vault)(nil)
