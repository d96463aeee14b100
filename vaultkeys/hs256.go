package vaultkeys

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// KIDLabel is what an HS256 version's kid is derived from, inside Vault: the kid
// is the SHA-256 of its HMAC under that version. It is for ever: another label
// would give every version another kid.
const KIDLabel = "signet-kid"

// hmacOf asks Vault for the HMAC-SHA256 of a label under one version of a key.
// It sends the two parameters that issuer.hcl allows, as strings, and relies
// on transit's default algorithm, sha2-256.
func hmacOf(ctx context.Context, v Vault, path string, version int, label string) ([]byte, error) {
	in := map[string]string{
		"input":       base64.StdEncoding.EncodeToString([]byte(label)),
		"key_version": strconv.Itoa(version),
	}
	var out struct {
		HMAC string `json:"hmac"`
	}
	if _, err := v.Write(ctx, path, in, &out); err != nil {
		return nil, err
	}
	return parseHMAC(out.HMAC, version)
}

// parseHMAC reads the answer to transit/hmac. It has no key_version: the prefix
// alone says which version was used. No error quotes the text, which is a secret.
func parseHMAC(text string, version int) ([]byte, error) {
	used, mac, err := parseSignature(text, base64.StdEncoding)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading an HMAC: %w", err)
	case used != version:
		return nil, fmt.Errorf("reading an HMAC: it is of version %d, not %d", used, version)
	case len(mac) != sha256.Size:
		return nil, fmt.Errorf("reading an HMAC: it has %d bytes, not %d", len(mac), sha256.Size)
	}
	return mac, nil
}

// symmetricKIDs remembers the kids of one HS256 ring's versions, so that each
// is asked for once. Only the ring's reader uses it, one read at a time.
type symmetricKIDs struct {
	vault Vault
	path  string
	// refused is told of a version whose kid Vault will not compute.
	refused func(version int)
	logins  uint64
	latest  int
	kids    map[int]string // version -> kid; "" where Vault refuses to compute it
}

// versions are those of an hmac key: its read has no "keys" map, so they are
// min_decryption_version..latest_version.
func (s *symmetricKIDs) versions(ctx context.Context, cfg *RingConfig, d *KeyData) ([]keyVersion, error) {
	if d.LatestVersion < 1 {
		return nil, fmt.Errorf("key %q: Vault reports no version", cfg.Name)
	}
	lowest := max(1, d.MinDecryptionVersion)
	s.forget(lowest, d.LatestVersion)
	out := make([]keyVersion, 0, d.LatestVersion-lowest+1)
	for n := lowest; n <= d.LatestVersion; n++ {
		kid, err := s.kid(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("key %q version %d: deriving the kid: %w", cfg.Name, n, err)
		}
		if kid != "" {
			out = append(out, keyVersion{key: signer.Key{Ring: cfg.Name, Version: n, Algorithm: cfg.Algorithm, KID: kid}})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("key %q: Vault computes the kid of no version", cfg.Name)
	}
	return out, nil
}

// forget drops what may no longer be true: versions out of range, and all of
// them when the key may have been replaced (a new login, or the numbering
// went back), because the key read would not show it.
func (s *symmetricKIDs) forget(lowest, latest int) {
	if logins := s.vault.Logins(); logins != s.logins || latest < s.latest {
		s.logins, s.kids = logins, nil
	}
	s.latest = latest
	if s.kids == nil {
		s.kids = make(map[int]string)
	}
	for n := range s.kids {
		if n < lowest || n > latest {
			delete(s.kids, n)
		}
	}
}

func (s *symmetricKIDs) kid(ctx context.Context, version int) (string, error) {
	if kid, ok := s.kids[version]; ok {
		return kid, nil
	}
	mac, err := hmacOf(ctx, s.vault, s.path, version, KIDLabel)
	if errors.Is(err, vaultapi.ErrVersionRefused) {
		// transit/hmac refuses versions below min_encryption_version, and a
		// replica that starts after the fence can no longer learn their kid.
		s.refused(version)
		s.kids[version] = ""
		return "", nil
	}
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(mac)
	kid := base64.RawURLEncoding.EncodeToString(sum[:])
	s.kids[version] = kid
	return kid, nil
}
