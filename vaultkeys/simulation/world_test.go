package simulation

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"

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
