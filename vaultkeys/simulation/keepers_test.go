package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// keeperProcess is a keeper that is started and stopped.
type keeperProcess struct {
	w       *world
	id      int
	rng     *rand.Rand
	cadence cadence
	clock   time.Duration // is off by that much
	policy  lifecycle.Policy

	up      bool
	keeper  *keeper.Keeper
	metrics *dues
	next    instant // its next round
	planned int     // how many were planned: an older plan is void
}

func newKeeperProcess(w *world, id int) *keeperProcess {
	rng := rand.New(rand.NewPCG(w.seed, 500+uint64(id)))
	k := &keeperProcess{w: w, id: id, rng: rng, cadence: newCadence(rng, refreshInterval), clock: between(rng, -clockSkew, clockSkew), policy: w.cfg.policy}
	k.start()
	return k
}

func (k *keeperProcess) start() {
	k.up, k.metrics = true, new(dues)
	k.keeper = keeper.New(keeper.Config{
		Vault:           k,
		Rings:           []vaultkeys.RingConfig{{Name: ring, Algorithm: signer.EdDSA, Policy: k.w.cfg.keeperPolicy(k.policy)}},
		RefreshInterval: refreshInterval, TrimAfter: k.w.cfg.trimAfter,
		Lease: &lease{k}, FirstSeen: k.w.redis, MaxTTLs: k.w.redis,
		Revoked: vaultkeys.NewRevokedKIDs(k.w.redis, nil),
		Now:     func() time.Time { return epoch.Add(k.w.now + k.clock) }, Registerer: k.metrics,
	})
	k.plan(k.cadence.next(k.w.now))
}

func (k *keeperProcess) stop() {
	k.up = false
	k.planned++
	if k.w.redis.holder == k {
		k.w.redis.ends = k.w.now + 3*refreshInterval
	}
}

// plan makes at the time of its next round.
func (k *keeperProcess) plan(at instant) {
	k.planned++
	mine := k.planned
	k.next = at
	k.w.at(at, func() {
		if k.planned == mine && k.up {
			k.round()
		}
	})
}

// wake: Vault's state has changed, or Redis', so its next round may do something.
func (k *keeperProcess) wake() {
	if next := k.cadence.next(k.w.now); k.up && next < k.next {
		k.plan(next)
	}
}

func (k *keeperProcess) round() {
	k.next = k.w.now + day
	// Rounds long before anything is due would only read what is known; what
	// fails now fails until something changes, and the keeper is woken then.
	quiet := 10 * time.Minute
	if err := k.keeper.Round(k.w.ctx); err == nil {
		k.w.report.count("rounds of keepers")
		quiet = min(k.due()-k.w.now-time.Minute, time.Hour)
	} else {
		k.w.report.count("rounds of keepers that failed")
	}
	k.plan(k.cadence.next(k.w.now + max(quiet, 0)))
}

// due is when the first of its next actions is due, by its own metrics.
func (k *keeperProcess) due() instant {
	due := k.w.now + day
	values := make(chan prometheus.Metric, 16)
	for _, c := range *k.metrics {
		c.Collect(values)
		for range len(values) {
			at := measured((<-values).Write).GetGauge().GetValue()
			due = min(due, time.UnixMilli(int64(at*1000)).Sub(epoch))
		}
	}
	return due
}

// measured is a metric's value.
func measured[T any](write func(*T) error) *T {
	out := new(T)
	if err := write(out); err != nil {
		panic(err)
	}
	return out
}

// dues is a registry that keeps the keeper's signet_keeper_next_due_timestamp_seconds only.
type dues []prometheus.Collector

func (d *dues) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		descriptions := make(chan *prometheus.Desc, 4)
		c.Describe(descriptions)
		if strings.Contains((<-descriptions).String(), "next_due_timestamp_seconds") {
			*d = append(*d, c)
		}
	}
}

func (d *dues) Register(c prometheus.Collector) error {
	d.MustRegister(c)
	return nil
}

func (d *dues) Unregister(prometheus.Collector) bool { return false }

// Read fits keeper.Vault.
func (k *keeperProcess) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	if k.w.vaultDown {
		return vaultapi.Meta{}, fmt.Errorf("%w: simulated", vaultapi.ErrUnavailable)
	}
	return k.w.vault.Read(ctx, path, out)
}

// Write fits keeper.Vault.
func (k *keeperProcess) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	k.w.report.count("writes of keepers")
	return k.w.vault.Write(ctx, path, in, out)
}
