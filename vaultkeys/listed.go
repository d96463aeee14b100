package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// Reader is the part of a connection to Vault that reads.
type Reader interface {
	// Read decodes the "data" of a GET into out, a pointer to a struct.
	Read(ctx context.Context, path string, out any) (vaultapi.Meta, error)
}

// Writer is the part of a connection to Vault that writes.
type Writer interface {
	// Write sends in as JSON and decodes the "data" of the answer into out.
	Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error)
}

// ReadKey reads a ring's key for whoever changes it. A key that is missing or
// of another type is [ErrMisconfigured]; one that is unfit for signing is not:
// its versions can be rotated and retired all the same.
func ReadKey(ctx context.Context, v Reader, paths Paths, cfg *RingConfig) (KeyData, vaultapi.Meta, error) {
	var d KeyData
	meta, err := v.Read(ctx, paths.Key(cfg.Name), &d)
	switch want := ParamsOf(cfg.Algorithm, cfg.RSABits).KeyType; {
	case errors.Is(err, vaultapi.ErrNotFound):
		err = fmt.Errorf("%w: %w", ErrMisconfigured, err)
	case err != nil:
	case d.Type != want:
		err = fmt.Errorf("%w: key type %q, not %q", ErrMisconfigured, d.Type, want)
	case d.LatestVersion < 1:
		err = fmt.Errorf("%w: no latest_version", vaultapi.ErrMalformed)
	}
	return d, meta, err
}

// Listed is one version of an asymmetric key as the key read shows it.
type Listed struct {
	signer.Key
	CreatedAt time.Time
	// PublicKey is Vault's own text: PEM, or base64 for Ed25519.
	PublicKey string
}

// ListedVersions are those that an asymmetric key lists, ascending. One that
// does not parse is vaultapi.ErrMalformed and never skipped.
func ListedVersions(cfg *RingConfig, d *KeyData) ([]Listed, error) {
	versions, err := versionsOf(cfg, d)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", vaultapi.ErrMalformed, err)
	}
	out := make([]Listed, 0, len(versions))
	for _, v := range versions {
		if v.key.Version > d.LatestVersion {
			return nil, fmt.Errorf("%w: version %d above the latest_version %d", vaultapi.ErrMalformed, v.key.Version, d.LatestVersion)
		}
		out = append(out, Listed{v.key, v.created, d.Keys[strconv.Itoa(v.key.Version)].PublicKey})
	}
	return out, nil
}

// Action is the request to Vault that does an action to a ring. Values are
// strings: policies compare no others. in is nil where there is no body.
func (p Paths) Action(ring string, a lifecycle.Action) (path string, in any) {
	value := strconv.Itoa(a.Version)
	switch a.Kind {
	case lifecycle.Fence:
		return p.KeyConfig(ring), map[string]string{"min_encryption_version": value}
	case lifecycle.Retire:
		return p.KeyConfig(ring), map[string]string{"min_decryption_version": value}
	case lifecycle.Trim:
		return p.Trim(ring), map[string]string{"min_available_version": value}
	case lifecycle.Rotate:
		return p.Rotate(ring), nil
	}
	panic("vaultkeys: no such action: " + string(a.Kind))
}
