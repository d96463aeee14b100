package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
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

// Ring is the answer in lifecycle's terms, without any version: which of them
// may sign is for the caller to say.
func (d *KeyData) Ring() lifecycle.Ring {
	return lifecycle.Ring{
		MinDecryption: d.MinDecryptionVersion, MinEncryption: d.MinEncryptionVersion,
		Latest: d.LatestVersion, MinAvailable: d.MinAvailableVersion,
	}
}

// keyVersion is one version of a ring, decoded.
type keyVersion struct {
	key     signer.Key
	created time.Time
	// recalled says that the kid is from another replica's note, because Vault
	// does not compute it any more: it verifies and never signs.
	recalled bool
	// proof is what an HS256 kid is the hash of, see symmetricKID; else "".
	proof string
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
