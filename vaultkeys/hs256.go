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
	vault      Vault
	hmacPath   string
	verifyPath string
	notes      KIDs // nil = none
	log        *slog.Logger
	logins     uint64
	latest     int
	kids       map[int]symmetricKID // by version; zero where Vault refuses to compute it
	// recalled are the kids of refused versions, of which other replicas noted a
	// proof that Vault confirmed; rejected are noted proofs that it did not.
	recalled map[int]symmetricKID
	rejected map[int]string
	failing  bool // the last recalling
}

// symmetricKID is the kid of an HS256 version and its proof: the HMAC of
// KIDLabel under that version, in base64, of which the kid is the hash. Only
// who has the key can make the proof, and Vault can check it when it computes it
// no more. It is not secret: it is a MAC of the label, which is no JWS signing
// input (RFC 7515 section 5.1: these have a dot), so it signs nothing.
type symmetricKID struct{ kid, proof string }

func newSymmetricKID(mac []byte) symmetricKID {
	sum := sha256.Sum256(mac)
	return symmetricKID{kid: base64.RawURLEncoding.EncodeToString(sum[:]), proof: base64.StdEncoding.EncodeToString(mac)}
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
		if kid.kid == "" {
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

func (s *symmetricKIDs) version(cfg *RingConfig, n int, kid symmetricKID) keyVersion {
	return keyVersion{key: signer.Key{Ring: cfg.Name, Version: n, Algorithm: cfg.Algorithm, KID: kid.kid}, proof: kid.proof}
}

// recall adds the versions whose kid Vault refuses to compute and some replica
// noted, with its proof, while it did.
//
// A kid that is only said to be a version's is not taken: a revoked kid is
// refused, but whoever has the revoked key can sign a header with any other
// kid, and a note that gave the version that one would make the token good
// again. So the kid is what follows from the proof, and the proof is what Vault
// confirms to be of this version: each version has the one kid that it always
// had. What a false note can do is what none does: a good token is not recognised.
func (s *symmetricKIDs) recall(ctx context.Context, cfg *RingConfig, known []keyVersion, refused []int) (all []keyVersion, unknown []int) {
	taken := map[string]bool{}
	for _, v := range known {
		taken[v.key.KID] = true
	}
	if slices.ContainsFunc(refused, func(n int) bool { return s.recalled[n].kid == "" }) {
		s.ask(ctx, cfg.Name, refused)
	}
	for _, n := range refused {
		kid := s.recalled[n]
		if kid.kid == "" || taken[kid.kid] {
			delete(s.recalled, n) // so that it is asked for again
			unknown = append(unknown, n)
			continue
		}
		taken[kid.kid] = true
		v := s.version(cfg, n, kid)
		v.recalled = true
		known = append(known, v)
	}
	return known, unknown
}

// ask reads the notes, in each read anew until all that is wanted is there.
// Whatever is wrong with them fails no read.
func (s *symmetricKIDs) ask(ctx context.Context, ring string, wanted []int) {
	if s.notes == nil {
		return
	}
	proofs, err := s.proofs(ctx, ring)
	for _, n := range wanted {
		if err == nil && s.recalled[n].kid == "" && proofs[n] != "" && proofs[n] != s.rejected[n] {
			err = s.confirm(ctx, n, proofs[n])
		}
	}
	if err != nil && !s.failing {
		s.log.Warn("kids that other replicas noted cannot be recalled, trying again at each read", "error", err)
	}
	s.failing = err != nil
}

func (s *symmetricKIDs) proofs(ctx context.Context, ring string) (map[int]string, error) {
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	return s.notes.RecallProofs(ctx, ring)
}

// confirm recalls a version's kid if Vault says that the proof is of this
// version. One that is not is asked about once.
func (s *symmetricKIDs) confirm(ctx context.Context, version int, proof string) error {
	mac, err := base64.StdEncoding.DecodeString(proof)
	valid := err == nil && len(mac) == sha256.Size
	if valid {
		if valid, err = verifyHMAC(ctx, s.vault, s.verifyPath, version, []byte(KIDLabel), mac); err != nil {
			return fmt.Errorf("verifying the proof that is noted for version %d: %w", version, err)
		}
	}
	if !valid {
		s.rejected[version] = proof
		s.log.Warn("the proof of a kid that is noted in Redis is false and ignored: somebody else wrote it, or it is of a former key", "version", version)
		return nil
	}
	s.recalled[version] = newSymmetricKID(mac)
	return nil
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
		s.kids, s.recalled, s.rejected = map[int]symmetricKID{}, map[int]symmetricKID{}, map[int]string{}
	}
	for n, kid := range s.kids {
		if n < lowest || n > s.latest || kid.kid == "" && n >= d.MinEncryptionVersion {
			delete(s.kids, n)
			delete(s.recalled, n)
			delete(s.rejected, n)
		}
	}
}

func (s *symmetricKIDs) kid(ctx context.Context, version int) (symmetricKID, error) {
	if kid, ok := s.kids[version]; ok {
		return kid, nil
	}
	mac, err := hmacOf(ctx, s.vault, s.hmacPath, version, KIDLabel)
	if errors.Is(err, vaultapi.ErrVersionRefused) {
		// transit/hmac refuses versions below min_encryption_version: a replica
		// that starts after the fence can no longer learn their kid from Vault.
		s.kids[version] = symmetricKID{}
		return symmetricKID{}, nil
	}
	if err != nil {
		return symmetricKID{}, err
	}
	s.kids[version] = newSymmetricKID(mac)
	return s.kids[version], nil
}

// SymmetricKID asks Vault for the kid of an HS256 version, at [Paths.HMAC]. A
// version below min_encryption_version is vaultapi.ErrVersionRefused.
func SymmetricKID(ctx context.Context, v Writer, path string, version int) (string, error) {
	mac, err := hmacOf(ctx, v, path, version, KIDLabel)
	if err != nil {
		return "", err
	}
	return newSymmetricKID(mac).kid, nil
}
