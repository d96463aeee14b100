package keeper

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
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

// keyData is the "data" of GET transit/keys/:name, as far as it is used.
type keyData struct {
	Type string `json:"type"`
	Keys map[string]struct {
		PublicKey    string    `json:"public_key"`
		CreationTime time.Time `json:"creation_time"`
	} `json:"keys"`
	Latest        int `json:"latest_version"`
	MinDecryption int `json:"min_decryption_version"`
	MinEncryption int `json:"min_encryption_version"`
	MinAvailable  int `json:"min_available_version"`
}

// listed is one version of an asymmetric key.
type listed struct {
	number         int
	kid, publicKey string
	created        time.Time
}

// read asks Vault for a key. The time returned is Vault's, or somewhat
// earlier: the earlier of the two clocks, so that nothing is done before both
// say that it is time.
func (r *ring) read(ctx context.Context) (d keyData, sent, received, vaultTime time.Time, err error) {
	sent = r.k.cfg.Now()
	meta, err := r.k.cfg.Vault.Read(ctx, r.paths.Key(r.cfg.Name), &d)
	received = r.k.cfg.Now()
	switch want := vaultkeys.ParamsOf(r.cfg.Algorithm, r.cfg.RSABits).KeyType; {
	case errors.Is(err, vaultapi.ErrNotFound):
		err = fmt.Errorf("%w: %w", vaultkeys.ErrMisconfigured, err)
	case err != nil:
	case d.Type != want:
		err = fmt.Errorf("%w: key type %q, not %q", vaultkeys.ErrMisconfigured, d.Type, want)
	case d.Latest < 1:
		err = fmt.Errorf("%w: no latest_version", vaultapi.ErrMalformed)
	}
	if err != nil {
		return d, sent, received, vaultTime, fmt.Errorf("reading ring %q: %w", r.cfg.Name, err)
	}
	if off := offset(sent, received, meta.Date); off > r.policy.ClockSkew {
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

// offset is by how much the clocks provably differ. Vault made its Date
// between sent and received and cut it to whole seconds; a slow answer or the
// missing fraction is no wrong clock.
func offset(sent, received, date time.Time) time.Duration {
	if date.IsZero() {
		return 0
	}
	return max(sent.Sub(date.Add(time.Second)), date.Sub(received), 0)
}

// versions are those that an asymmetric key lists, ascending.
func versions(d *keyData) ([]listed, error) {
	out := make([]listed, 0, len(d.Keys))
	for text, raw := range d.Keys {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > d.Latest || raw.CreationTime.IsZero() {
			return nil, fmt.Errorf("%w: version %q created %v", vaultapi.ErrMalformed, text, raw.CreationTime)
		}
		kid, err := thumbprint(raw.PublicKey)
		if err != nil {
			return nil, fmt.Errorf("%w: public_key of version %d: %w", vaultapi.ErrMalformed, n, err)
		}
		out = append(out, listed{n, kid, raw.PublicKey, raw.CreationTime})
	}
	slices.SortFunc(out, func(a, b listed) int { return cmp.Compare(a.number, b.number) })
	return out, nil
}

// thumbprint is the kid of a public key as the key read gives it: PEM, or for
// Ed25519 base64 of the 32 raw bytes.
func thumbprint(text string) (string, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return "", errors.New("neither PEM nor base64")
		}
		return vaultkeys.Thumbprint(ed25519.PublicKey(raw)) // refuses any other length
	}
	var pub crypto.PublicKey
	var err error
	if block.Type == "RSA PUBLIC KEY" { // PKCS #1: how Vault wrote imported keys once
		pub, err = x509.ParsePKCS1PublicKey(block.Bytes)
	} else {
		pub, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return "", fmt.Errorf("parsing: %w", err)
	}
	return vaultkeys.Thumbprint(pub)
}

// lifecycleRing is Vault's answer as lifecycle sees it: with the versions that
// may sign, each with its time.
func (r *ring) lifecycleRing(ctx context.Context, d *keyData, now time.Time) (lifecycle.Ring, []listed, error) {
	out := lifecycle.Ring{
		MinDecryption: d.MinDecryption, MinEncryption: d.MinEncryption, Latest: d.Latest, MinAvailable: d.MinAvailable,
	}
	if r.cfg.Algorithm.Symmetric() {
		var err error
		out.Versions, err = r.symmetric(ctx, d, now)
		return out, nil, err
	}
	all, err := versions(d)
	if err != nil {
		return out, nil, err
	}
	for _, v := range all {
		if !r.k.cfg.Revoked(v.kid) {
			out.Versions = append(out.Versions, lifecycle.Version{Number: v.number, CreatedAt: v.created})
		}
	}
	if len(out.Versions) == 0 {
		return out, nil, fmt.Errorf("%w: Vault lists %d, and all of them are revoked", errNone, len(all))
	}
	return out, all, nil
}

// symmetric are the versions of an hmac key, of which Vault lists none: each
// dates from when it was first seen.
func (r *ring) symmetric(ctx context.Context, d *keyData, now time.Time) ([]lifecycle.Version, error) {
	var out []lifecycle.Version
	for n := max(1, d.MinDecryption); n <= d.Latest; n++ {
		at, err := r.k.shared.seen(ctx, r.cfg.Name, n, now)
		if err != nil {
			return nil, err
		}
		out = append(out, lifecycle.Version{Number: n, CreatedAt: at})
	}
	return out, nil
}
