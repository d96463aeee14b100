package simulation

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// vault is a transit engine with one Ed25519 key, fast enough for years: a key
// read fills vaultkeys.KeyData without JSON. TestVaultIsTheFake holds it
// against the fake that the conformance suite holds against the real one.
type vault struct {
	ring string
	now  func() time.Time // Vault's clock
	seed uint64
	// before and after are called around each change, nil = not.
	before, after func(change)

	state
	made int // keys made so far, for their seeds
	data *vaultkeys.KeyData
}

// state is what a backup holds.
type state struct {
	versions                             map[int]vaultkeys.KeyVersionData
	latest, minDec, minEnc, minAvailable int
}

func (s state) clone() state {
	s.versions = maps.Clone(s.versions)
	return s
}

// change is a write to the key: rotate, config, trim or restore.
type change struct {
	kind     string
	from, to state
}

func newVault(ring string, seed uint64, now func() time.Time) *vault {
	v := &vault{ring: ring, now: now, seed: seed}
	v.versions, v.minDec = map[int]vaultkeys.KeyVersionData{}, 1
	v.add(&v.state)
	return v
}

// add makes a version whose key is determined by the seed and its place.
func (v *vault) add(s *state) {
	v.made++
	seed := make([]byte, ed25519.SeedSize)
	binary.LittleEndian.PutUint64(seed, v.seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(v.made))
	public := ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:]
	s.latest++
	s.versions[s.latest] = vaultkeys.KeyVersionData{PublicKey: base64.StdEncoding.EncodeToString(public), CreationTime: v.now()}
}

func (v *vault) apply(kind string, to state) {
	c := change{kind, v.state, to}
	if v.before != nil {
		v.before(c)
	}
	v.state, v.data = to, nil
	if v.after != nil {
		v.after(c)
	}
}

// restore puts a backup back, over what is there.
func (v *vault) restore(backup state) { v.apply("restore", backup.clone()) }

// Read fits vaultkeys.Vault. out is a *vaultkeys.KeyData.
func (v *vault) Read(_ context.Context, path string, out any) (vaultapi.Meta, error) {
	meta := vaultapi.Meta{RequestID: "simulated", Date: v.now().Truncate(time.Second)} // whole seconds, as in HTTP
	d, ok := out.(*vaultkeys.KeyData)
	if !ok || path != "transit/keys/"+v.ring {
		return meta, fmt.Errorf("%w: %s", vaultapi.ErrNotFound, path)
	}
	if v.data == nil {
		v.data = &vaultkeys.KeyData{
			Type: "ed25519", Keys: map[string]vaultkeys.KeyVersionData{},
			LatestVersion: v.latest, MinDecryptionVersion: v.minDec, MinEncryptionVersion: v.minEnc, MinAvailableVersion: v.minAvailable,
		}
		for n, version := range v.versions {
			if n >= v.minDec {
				v.data.Keys[strconv.Itoa(n)] = version
			}
		}
	}
	*d = *v.data // the map is shared: nobody writes to it
	return meta, nil
}

// Write fits vaultkeys.Vault: transit/keys/:name/{config,rotate,trim} and
// transit/sign/:name, with string parameters.
func (v *vault) Write(_ context.Context, path string, in, _ any) (vaultapi.Meta, error) {
	params, _ := in.(map[string]string)
	number := func(name string, otherwise int) int {
		if text, ok := params[name]; ok {
			n, err := strconv.Atoi(text)
			if err != nil {
				panic(err)
			}
			return n
		}
		return otherwise
	}
	to, err := v.clone(), error(nil)
	paths := vaultkeys.Paths{}
	switch path {
	case paths.Rotate(v.ring):
		v.add(&to)
		v.apply("rotate", to)
	case paths.KeyConfig(v.ring):
		if err = to.configure(number("min_decryption_version", v.minDec), number("min_encryption_version", v.minEnc)); err == nil {
			v.apply("config", to)
		}
	case paths.Trim(v.ring):
		if err = to.trim(number("min_available_version", 0)); err == nil {
			v.apply("trim", to)
		}
	case paths.Sign(v.ring):
		err = v.sign(number("key_version", 0))
	default:
		err = fmt.Errorf("%w: %s", vaultapi.ErrNotFound, path)
	}
	return vaultapi.Meta{Date: v.now().Truncate(time.Second)}, err
}

// Logins fits vaultkeys.Vault.
func (v *vault) Logins() uint64 { return 1 }

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", vaultapi.ErrBadRequest, fmt.Sprintf(format, args...))
}

// configure sets both minimums: encryption at least decryption, both at most latest.
func (s *state) configure(minDec, minEnc int) error {
	switch {
	case minDec < 0 || minEnc < 0 || minDec > s.latest || minEnc > s.latest:
		return refused("minimums %d and %d, latest version %d", minDec, minEnc, s.latest)
	case minEnc > 0 && minEnc < max(1, minDec):
		return refused("min_encryption_version %d below min_decryption_version %d", minEnc, minDec)
	case max(1, minDec) < s.minAvailable:
		return refused("min_decryption_version %d below min_available_version %d", minDec, s.minAvailable)
	}
	s.minDec, s.minEnc = max(1, minDec), minEnc
	return nil
}

// trim deletes versions for good, at most up to both minimums.
func (s *state) trim(minAvailable int) error {
	if minAvailable < s.minAvailable || s.minEnc == 0 || minAvailable > s.minEnc || minAvailable > s.minDec {
		return refused("min_available_version %d of %+v", minAvailable, s)
	}
	s.minAvailable = minAvailable
	maps.DeleteFunc(s.versions, func(n int, _ vaultkeys.KeyVersionData) bool { return n < minAvailable })
	return nil
}

func (v *vault) sign(version int) error {
	if version < max(1, v.minEnc, v.minDec) || version > v.latest {
		return fmt.Errorf("%w: %d of %d..%d", vaultapi.ErrVersionRefused, version, v.minEnc, v.latest)
	}
	return nil
}
