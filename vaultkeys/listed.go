package vaultkeys

import (
	"fmt"
	"strconv"
	"time"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

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
