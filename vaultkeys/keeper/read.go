package keeper

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

var (
	errClock  = errors.New("clock out of step with Vault's: nothing is done to the ring")
	errShared = errors.New("not known")
	errNone   = errors.New("no version may sign")
)

// read asks Vault for a key. The time returned is Vault's, or somewhat
// earlier: the earlier of the two clocks, so that nothing is done before both
// say that it is time.
func (r *ring) read(ctx context.Context) (d vaultkeys.KeyData, sent, received, vaultTime time.Time, err error) {
	sent = r.k.cfg.Now()
	d, meta, err := vaultkeys.ReadKey(ctx, r.k.cfg.Vault, r.paths, r.cfg)
	received = r.k.cfg.Now()
	if err != nil {
		return d, sent, received, vaultTime, fmt.Errorf("reading ring %q: %w", r.cfg.Name, err)
	}
	if off := vaultkeys.ClockOffset(sent, received, meta.Date).Abs(); off > r.policy.ClockSkew {
		return d, sent, received, vaultTime, fmt.Errorf("reading ring %q: %w: by %v", r.cfg.Name, errClock, off)
	}
	vaultTime = sent.Round(0)
	switch {
	case meta.Date.IsZero(): // then only the configured limit is known
		vaultTime = vaultTime.Add(-r.policy.ClockSkew)
	case meta.Date.Before(vaultTime):
		vaultTime = meta.Date
	}
	return d, sent, received, vaultTime, nil
}

// lifecycleRing is Vault's answer as lifecycle sees it: with the versions that
// may sign, each with its time.
func (r *ring) lifecycleRing(ctx context.Context, d *vaultkeys.KeyData, now time.Time) (lifecycle.Ring, []vaultkeys.Listed, error) {
	out := d.Ring()
	if r.cfg.Algorithm.Symmetric() {
		var err error
		out.Versions, err = r.symmetric(ctx, d, now)
		return out, nil, err
	}
	all, err := vaultkeys.ListedVersions(r.cfg, d)
	if err != nil {
		return out, nil, err
	}
	for _, v := range all {
		if !r.k.cfg.Revoked.Has(v.KID) {
			out.Versions = append(out.Versions, lifecycle.Version{Number: v.Version, CreatedAt: v.CreatedAt})
		}
	}
	if len(out.Versions) == 0 {
		return out, nil, fmt.Errorf("%w: Vault lists %d, and all of them are revoked", errNone, len(all))
	}
	return out, all, nil
}

// symmetric are the versions of an hmac key, of which Vault lists none: each
// dates from when it was first seen. One whose kid no replica has noted signed
// nothing yet, or cannot be revoked by its kid.
func (r *ring) symmetric(ctx context.Context, d *vaultkeys.KeyData, now time.Time) ([]lifecycle.Version, error) {
	kids, err := r.k.shared.recall(ctx, r.cfg.Name)
	if err != nil {
		return nil, err
	}
	var out []lifecycle.Version
	for n := max(1, d.MinDecryptionVersion); n <= d.LatestVersion; n++ {
		if kid := kids[n]; kid != "" && r.k.cfg.Revoked.Has(kid) {
			continue
		}
		at, err := r.k.shared.seen(ctx, r.cfg.Name, n, now)
		if err != nil {
			return nil, err
		}
		out = append(out, lifecycle.Version{Number: n, CreatedAt: at})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: Vault has versions up to %d, and all of them are revoked", errNone, d.LatestVersion)
	}
	return out, nil
}
