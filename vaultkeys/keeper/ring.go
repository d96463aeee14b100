package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

const (
	// ringTimeout bounds one round of one ring.
	ringTimeout = 30 * time.Second
	// patience is for how many intervals a keeper without the lease leaves an
	// action that is due to whoever has it. Then it acts, whoever has it: the
	// holder may be stuck, or its configuration an older one.
	patience = 6
	// looks bounds the reads of one round of one ring: two for each write, and
	// some for a ring that others are changing at the same time.
	looks = 16
)

// ring is one ring and what this keeper has seen of it.
type ring struct {
	k      *Keeper
	cfg    *vaultkeys.RingConfig
	policy lifecycle.Policy
	paths  vaultkeys.Paths
	log    *slog.Logger
	failed onChange

	known                  bool // it was read once
	latest, fence, retired lifecycle.Standing
	waiting                map[lifecycle.Kind]waiting
}

// waiting is an action that is due and left to the holder of the lease.
type waiting struct {
	action lifecycle.Action
	since  time.Time
}

func newRing(k *Keeper, cfg *vaultkeys.RingConfig) *ring {
	log := k.cfg.Logger.With("ring", cfg.Name)
	return &ring{
		k: k, cfg: cfg, policy: k.cfg.policy(cfg), paths: vaultkeys.Paths{Mount: k.cfg.Mount},
		log: log, failed: onChange{log: log},
	}
}

// view is what one look at a ring showed.
type view struct {
	at     time.Time          // on the keeper's clock
	now    time.Time          // on Vault's
	listed []vaultkeys.Listed // of an asymmetric key
	steps  []lifecycle.Step
}

// keep does what is due, each write only if a second look, just before it,
// still wants it. Each kind is tried once a round: an action that Vault refuses
// must not keep the others waiting, nor one whose effect a lagging standby does
// not show yet be done again.
func (r *ring) keep(ctx context.Context, held bool) error {
	ctx, cancel := context.WithTimeout(ctx, ringTimeout)
	defer cancel()
	tried := map[lifecycle.Kind]bool{}
	var errs []error
	var wanted lifecycle.Action
	for range looks {
		v, err := r.look(ctx)
		if err != nil {
			errs = append(errs, err)
			break
		}
		step, ok := r.next(&v, held, tried)
		if !ok {
			break
		}
		if step.Action != wanted {
			wanted = step.Action
			continue
		}
		tried[step.Kind], wanted = true, lifecycle.Action{}
		if err := r.do(ctx, &v, step); err != nil {
			errs = append(errs, err)
		}
	}
	return r.report(ctx, errors.Join(errs...))
}

// look reads the ring and plans.
func (r *ring) look(ctx context.Context) (view, error) {
	d, sent, received, now, err := r.read(ctx)
	if err != nil {
		return view{}, err
	}
	if !r.known {
		r.known = true
		r.k.unread.Add(-1)
	}
	r.latest.See(d.LatestVersion, received)
	r.fence.See(d.MinEncryptionVersion, received)
	r.retired.See(d.MinDecryptionVersion, received)
	r.k.shared.tellFence(ctx, r.cfg.Name, d.MinEncryptionVersion, received)
	state, all, err := r.lifecycleRing(ctx, &d, now)
	if err != nil {
		return view{}, fmt.Errorf("reading ring %q: %w", r.cfg.Name, err)
	}
	seen := lifecycle.Observed{At: sent, Latest: r.latest, Fence: r.fence, Retired: r.retired, MaxTTL: r.k.shared.largest(ctx, r.cfg.Name, sent)}
	if r.policy.TrimAfter > 0 && d.MinDecryptionVersion > max(1, d.MinAvailableVersion) {
		// An error leaves it unknown, and then nothing is trimmed.
		seen.RetiredAt, _ = r.k.shared.seen(ctx, vaultkeys.RetiredName(r.cfg.Name), d.MinDecryptionVersion, now)
	}
	v := view{at: sent, now: now, listed: all, steps: lifecycle.Plan(state, r.policy, seen, now)}
	stood, _ := r.fence.For(d.MinEncryptionVersion, sent)
	r.k.metrics.looked(r.cfg.Name, received, max(stood, 0), v.steps)
	return v, nil
}

// next is the first step that is due and to be done by this keeper now.
func (r *ring) next(v *view, held bool, tried map[lifecycle.Kind]bool) (lifecycle.Step, bool) {
	before := r.waiting
	r.waiting = map[lifecycle.Kind]waiting{}
	var first lifecycle.Step
	found := false
	for _, step := range v.steps {
		if step.Due.After(v.now) {
			continue
		}
		w := waiting{step.Action, v.at}
		if earlier := before[step.Kind]; earlier.action == step.Action {
			w = earlier
		}
		r.waiting[step.Kind] = w
		mine := held || v.at.Sub(w.since) >= patience*r.k.cfg.RefreshInterval
		if mine && !tried[step.Kind] && !found {
			first, found = step, true
		}
	}
	return first, found
}

// do writes one step to Vault.
func (r *ring) do(ctx context.Context, v *view, step lifecycle.Step) error {
	path, in := r.paths.Action(r.cfg.Name, step.Action)
	version := step.Version
	if step.Kind == lifecycle.Rotate {
		version++
	}
	if _, err := r.k.cfg.Vault.Write(ctx, path, in, nil); err != nil {
		return fmt.Errorf("%s of ring %q, version %d: %w", step.Kind, r.cfg.Name, version, err)
	}
	r.k.metrics.did(r.cfg.Name, step.Kind)
	r.log.Info("keeper: "+string(step.Kind), "version", version, "why", step.Why)
	if step.Kind == lifecycle.Retire {
		r.farewell(v.listed, version)
	}
	return nil
}

// farewell puts the public keys that Vault lists no longer into the log: what
// was signed with them can then still be proven, even after a trim.
func (r *ring) farewell(all []vaultkeys.Listed, below int) {
	for _, v := range all {
		if v.Version < below {
			r.log.Info("keeper: retired", "version", v.Version, "kid", v.KID, "created", v.CreatedAt, "public_key", v.PublicKey)
		}
	}
}

// report counts and logs the outcome of a round, unless the keeper is ending.
func (r *ring) report(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	reason := ""
	if err != nil {
		reason = reasonOf(err)
		r.k.metrics.failed(r.cfg.Name, reason)
	}
	r.failed.see(r.cfg.Name, reason, err)
	return err
}
