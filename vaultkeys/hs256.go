package vaultkeys

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// KIDLabel is what an HS256 version's kid is derived from, inside Vault: the kid
// is the SHA-256 of its HMAC under that version. It is for ever: another label
// would give every version another kid.
const KIDLabel = "signet-kid"

// symmetricKIDs remembers the kids of one HS256 ring's versions, so that each
// is asked for once. Only the ring's reader uses it, one read at a time.
type symmetricKIDs struct {
	vault  Vault
	path   string
	notes  KIDs // nil = none
	log    *slog.Logger
	logins uint64
	latest int
	kids   map[int]string // version -> kid; "" where Vault refuses to compute it
	// recalled are the kids of refused versions, as other replicas noted them.
	recalled map[int]string
	failing  bool // the last question to notes
}

// versions are those of an hmac key: its read has no "keys" map, so they are
// min_decryption_version..latest_version. unknown are those of them whose kid
// nobody tells.
func (s *symmetricKIDs) versions(ctx context.Context, cfg *RingConfig, d *KeyData) (known []keyVersion, unknown []int, err error) {
	if d.LatestVersion < 1 {
		return nil, nil, fmt.Errorf("key %q: Vault reports no version", cfg.Name)
	}
	lowest := max(1, d.MinDecryptionVersion)
	s.forget(lowest, d)
	var refused []int
	for n := lowest; n <= d.LatestVersion; n++ {
		kid, err := s.kid(ctx, n)
		if err != nil {
			return nil, nil, fmt.Errorf("key %q version %d: deriving the kid: %w", cfg.Name, n, err)
		}
		if kid == "" {
			refused = append(refused, n)
		} else {
			known = append(known, s.version(cfg, n, kid))
		}
	}
	if len(known) == 0 {
		return nil, refused, fmt.Errorf("key %q: Vault computes the kid of no version", cfg.Name)
	}
	known, unknown = s.recall(ctx, cfg, known, refused)
	slices.SortFunc(known, func(a, b keyVersion) int { return a.key.Version - b.key.Version })
	return known, unknown, nil
}

func (s *symmetricKIDs) version(cfg *RingConfig, n int, kid string) keyVersion {
	return keyVersion{key: signer.Key{Ring: cfg.Name, Version: n, Algorithm: cfg.Algorithm, KID: kid}}
}

// recall adds the versions whose kid Vault refuses to compute and some replica
// noted while it did.
//
// Whoever writes false notes gains nothing by it. A note only says under which
// version Vault is asked about a token, and the header with the kid is part of
// what Vault then verifies: no token bears a kid under a version that never
// signed it so. Nothing signs by a note, a kid of another version stays that
// version's, and a revoked kid stays refused, whichever version a note gives it.
// What a false note can do is what none does: a good token is not recognised.
func (s *symmetricKIDs) recall(ctx context.Context, cfg *RingConfig, known []keyVersion, refused []int) (all []keyVersion, unknown []int) {
	taken := map[string]bool{}
	for _, v := range known {
		taken[v.key.KID] = true
	}
	if slices.ContainsFunc(refused, func(n int) bool { return s.recalled[n] == "" }) {
		s.ask(ctx, cfg.Name, refused)
	}
	for _, n := range refused {
		kid := s.recalled[n]
		if kid == "" || taken[kid] {
			delete(s.recalled, n) // so that it is asked for again
			unknown = append(unknown, n)
			continue
		}
		taken[kid] = true
		v := s.version(cfg, n, kid)
		v.recalled = true
		known = append(known, v)
	}
	return known, unknown
}

// ask reads the notes, in each read anew until all that is wanted is there.
func (s *symmetricKIDs) ask(ctx context.Context, ring string, wanted []int) {
	if s.notes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	notes, err := s.notes.Recall(ctx, ring)
	if err != nil && !s.failing {
		s.log.Warn("kids that other replicas noted cannot be recalled, trying again at each read", "error", err)
	}
	if s.failing = err != nil; s.failing {
		return
	}
	for _, n := range wanted {
		if s.recalled[n] == "" && signer.IsKID(notes[n]) {
			s.recalled[n] = notes[n]
		}
	}
}

// forget drops what may no longer be true: versions out of range, and all of
// them when the key may have been replaced (a new login, or the numbering
// went back), because the key read would not show it. Refused is only what is
// below min_encryption_version; if a version is not, Vault is asked again.
func (s *symmetricKIDs) forget(lowest int, d *KeyData) {
	if logins := s.vault.Logins(); logins != s.logins || d.LatestVersion < s.latest {
		s.logins, s.kids = logins, nil
	}
	s.latest = d.LatestVersion
	if s.kids == nil {
		s.kids, s.recalled = make(map[int]string), make(map[int]string)
	}
	for n, kid := range s.kids {
		if n < lowest || n > s.latest || kid == "" && n >= d.MinEncryptionVersion {
			delete(s.kids, n)
			delete(s.recalled, n)
		}
	}
}

func (s *symmetricKIDs) kid(ctx context.Context, version int) (string, error) {
	if kid, ok := s.kids[version]; ok {
		return kid, nil
	}
	kid, err := SymmetricKID(ctx, s.vault, s.path, version)
	if errors.Is(err, vaultapi.ErrVersionRefused) {
		// transit/hmac refuses versions below min_encryption_version: a replica
		// that starts after the fence can no longer learn their kid from Vault.
		s.kids[version] = ""
		return "", nil
	}
	if err != nil {
		return "", err
	}
	s.kids[version] = kid
	return kid, nil
}

// SymmetricKID asks Vault for the kid of an HS256 version, at [Paths.HMAC]. A
// version below min_encryption_version is vaultapi.ErrVersionRefused.
func SymmetricKID(ctx context.Context, v Writer, path string, version int) (string, error) {
	mac, err := hmacOf(ctx, v, path, version, KIDLabel)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(mac)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}
