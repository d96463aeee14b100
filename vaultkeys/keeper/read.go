package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

var (
	errClock  = errors.New("clock out of step with Vault's: nothing is done to the ring")
	errShared = errors.New("not known")
	errNone   = errors.New("no version may sign")
)

// listed is one version of an asymmetric key.
type listed struct {
	number         int
	kid, publicKey string
	created        time.Time
}

// read asks Vault for a key. The time returned is Vault's, or somewhat
// earlier: the earlier of the two clocks, so that nothing is done before both
// say that it is time.
func (r *ring) read(ctx context.Context) (d vaultkeys.KeyData, sent, received, vaultTime time.Time, err error) {
	sent = r.k.cfg.Now()
	meta, err := r.k.cfg.Vault.Read(ctx, r.paths.Key(r.cfg.Name), &d)
	received = r.k.cfg.Now()
	switch want := vaultkeys.ParamsOf(r.cfg.Algorithm, r.cfg.RSABits).KeyType; {
	case errors.Is(err, vaultapi.ErrNotFound):
		err = fmt.Errorf("%w: %w", vaultkeys.ErrMisconfigured, err)
	case err != nil:
	case d.Type != want:
		err = fmt.Errorf("%w: key type %q, not %q", vaultkeys.ErrMisconfigured, d.Type, want)
	case d.LatestVersion < 1:
		err = fmt.Errorf("%w: no latest_version", vaultapi.ErrMalformed)
	}
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

// versions are those that an asymmetric key lists, ascending.
func (r *ring) versions(d *vaultkeys.KeyData) ([]listed, error) {
	out := make([]listed, 0, len(d.Keys))
	for text, raw := range d.Keys {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > d.LatestVersion || raw.CreationTime.IsZero() {
			return nil, fmt.Errorf("%w: version %q created %v", vaultapi.ErrMalformed, text, raw.CreationTime)
		}
		kid, err := r.kid(raw.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("%w: public_key of version %d: %w", vaultapi.ErrMalformed, n, err)
		}
		out = append(out, listed{n, kid, raw.PublicKey, raw.CreationTime})
	}
	slices.SortFunc(out, func(a, b listed) int { return cmp.Compare(a.number, b.number) })
	return out, nil
}

func (r *ring) kid(publicKey string) (string, error) {
	pub, err := vaultkeys.ParsePublic(r.cfg.Algorithm, r.cfg.RSABits, publicKey)
	if err != nil {
		return "", err
	}
	return vaultkeys.Thumbprint(pub)
}

// lifecycleRing is Vault's answer as lifecycle sees it: with the versions that
// may sign, each with its time.
func (r *ring) lifecycleRing(ctx context.Context, d *vaultkeys.KeyData, now time.Time) (lifecycle.Ring, []listed, error) {
	out := lifecycle.Ring{
		MinDecryption: d.MinDecryptionVersion, MinEncryption: d.MinEncryptionVersion, Latest: d.LatestVersion, MinAvailable: d.MinAvailableVersion,
	}
	if r.cfg.Algorithm.Symmetric() {
		var err error
		out.Versions, err = r.symmetric(ctx, d, now)
		return out, nil, err
	}
	all, err := r.versions(d)
	if err != nil {
		return out, nil, err
	}
	for _, v := range all {
		if !r.k.cfg.Revoked.Has(v.kid) {
			out.Versions = append(out.Versions, lifecycle.Version{Number: v.number, CreatedAt: v.created})
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
