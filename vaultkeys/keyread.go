package vaultkeys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/signer"
)

// ErrMisconfigured means that a transit key is not what the configuration
// needs, and that waiting will not change that. The message ends with a command that repairs.
var ErrMisconfigured = errors.New("transit key does not fit the configuration")

// repair is how a missing or unfit key is put right. Nothing can take
// "exportable" or "allow_plaintext_backup" back from a key: there the command
// needs another key name in the configuration first.
const repair = "signet vault init --config FILE"

// KeyData is the "data" of GET transit/keys/:name, as far as it is used
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#read-key).
type KeyData struct {
	Type                 string                    `json:"type"`
	Keys                 map[string]KeyVersionData `json:"keys"`
	LatestVersion        int                       `json:"latest_version"`
	MinDecryptionVersion int                       `json:"min_decryption_version"`
	MinEncryptionVersion int                       `json:"min_encryption_version"`
	MinAvailableVersion  int                       `json:"min_available_version"`
	Exportable           bool                      `json:"exportable"`
	AllowPlaintextBackup bool                      `json:"allow_plaintext_backup"`
	DeletionAllowed      bool                      `json:"deletion_allowed"`
	Derived              bool                      `json:"derived"`
}

// KeyVersionData is one entry of "keys" for an asymmetric type.
type KeyVersionData struct {
	PublicKey    string    `json:"public_key"`
	CreationTime time.Time `json:"creation_time"`
}

// keyVersion is one version of a ring, decoded.
type keyVersion struct {
	key     signer.Key
	created time.Time
	// recalled says that the kid is another replica's note, because Vault does
	// not compute it any more: it verifies and never signs.
	recalled bool
}

// Unfit says what no write can mend: a key of the wrong type, or one whose
// private part can leave Vault. Signet must not sign with it.
func (d *KeyData) Unfit(wantType string) (problems []string) {
	if d.Type != wantType {
		problems = append(problems, fmt.Sprintf("is of type %q and the configuration needs %q", d.Type, wantType))
	}
	if d.Exportable {
		problems = append(problems, "is exportable, so its private key can leave Vault")
	}
	if d.AllowPlaintextBackup {
		problems = append(problems, "allows plaintext backups, so its private key can leave Vault")
	}
	if d.Derived {
		problems = append(problems, "is derived, so it has no key of its own")
	}
	return problems
}

// checkKey refuses an unfit key.
func checkKey(name, path, wantType string, d *KeyData) error {
	problems := d.Unfit(wantType)
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: key %q (%s) %s; Vault cannot undo that: name another key, then run: %s",
		ErrMisconfigured, name, path, strings.Join(problems, ", "), repair)
}

// errMissing is the answer for a key that does not exist.
func errMissing(name, path string, cause error) error {
	return fmt.Errorf("%w: key %q (%s) does not exist, or nothing is mounted there (%w): %s",
		ErrMisconfigured, name, path, cause, repair)
}

// versionsOf decodes the listed versions of an asymmetric key, ascending. A
// version that does not parse is an error, never skipped: the tokens that it
// signs could not be verified, and nothing would say why.
func versionsOf(cfg *RingConfig, d *KeyData) ([]keyVersion, error) {
	if len(d.Keys) == 0 {
		return nil, fmt.Errorf("key %q: Vault lists no version", cfg.Name)
	}
	out := make([]keyVersion, 0, len(d.Keys))
	for text, raw := range d.Keys {
		n, err := versionNumber(text)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", cfg.Name, err)
		}
		v, err := decodeVersion(cfg, n, raw)
		if err != nil {
			return nil, fmt.Errorf("key %q version %d: %w", cfg.Name, n, err)
		}
		out = append(out, v)
	}
	// The map's keys are text: "10" sorts before "9" there.
	slices.SortFunc(out, func(a, b keyVersion) int { return a.key.Version - b.key.Version })
	return out, nil
}

// versionNumber reads a version as Vault spells it, and only so: a second
// spelling would be a second version.
func versionNumber(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0, fmt.Errorf("version %q is not a version number", text)
	}
	return n, nil
}

func decodeVersion(cfg *RingConfig, n int, raw KeyVersionData) (keyVersion, error) {
	if raw.CreationTime.IsZero() {
		return keyVersion{}, errors.New("reading creation_time: missing")
	}
	pub, err := ParsePublic(cfg.Algorithm, cfg.RSABits, raw.PublicKey)
	if err != nil {
		return keyVersion{}, fmt.Errorf("reading public_key: %w", err)
	}
	kid, err := Thumbprint(pub)
	if err != nil {
		return keyVersion{}, fmt.Errorf("computing the thumbprint: %w", err)
	}
	return keyVersion{
		key:     signer.Key{Ring: cfg.Name, Version: n, Algorithm: cfg.Algorithm, KID: kid, Public: pub},
		created: raw.CreationTime,
	}, nil
}

// ParsePublic reads a public key as the key read gives it: PEM for RSA and EC,
// standard base64 of the 32 raw bytes for Ed25519. It must be a key that the
// algorithm can use (RFC 7518 sections 3.3 and 3.4, RFC 8037 section 3.1).
func ParsePublic(alg signer.Algorithm, rsaBits int, text string) (crypto.PublicKey, error) {
	if alg == signer.EdDSA {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("decoding base64: %w", err)
		}
		if len(raw) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key has %d bytes, this one %d", ed25519.PublicKeySize, len(raw))
		}
		return ed25519.PublicKey(raw), nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	pub, err := parseDER(block)
	if err != nil {
		return nil, err
	}
	return pub, fits(alg, rsaBits, pub)
}

func parseDER(block *pem.Block) (crypto.PublicKey, error) {
	if block.Type == "RSA PUBLIC KEY" { // PKCS #1: how Vault wrote imported keys once
		pub, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parsing PKCS #1: %w", err)
		}
		return pub, nil
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parsing PKIX: %w", err)
	}
	return pub, nil
}

func fits(alg signer.Algorithm, rsaBits int, pub crypto.PublicKey) error {
	want := ParamsOf(alg, rsaBits).KeyType
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if name := "ecdsa-p" + strconv.Itoa(k.Curve.Params().BitSize); name != want {
			return fmt.Errorf("is a %s key, %s needs %s", name, alg, want)
		}
	case *rsa.PublicKey:
		if name := "rsa-" + strconv.Itoa(k.N.BitLen()); name != want {
			return fmt.Errorf("is a %s key, %s needs %s", name, alg, want)
		}
	default:
		return fmt.Errorf("is a %T, %s needs %s", pub, alg, want)
	}
	return nil
}
