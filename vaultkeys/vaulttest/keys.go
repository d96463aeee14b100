package vaulttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"signet/vaultkeys/vaultapi"
)

// key is one transit key with all its versions.
type key struct {
	name, typ                              string
	versions                               map[int]*version
	latest, minDec, minEnc, minAvailable   int
	exportable, plaintextBackup, deletable bool
	malformed                              map[int]string // version -> public_key to answer with
	hidden                                 map[int]bool   // versions left out of the key read
}

// version is one version: a private key, or an hmac secret.
type version struct {
	private crypto.Signer
	secret  []byte // of an hmac key, and behind transit/hmac of any other
	created time.Time
}

// CreateKey makes a key with version 1. typ is a transit key type: ecdsa-p256,
// ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096, ed25519 or hmac.
// It panics on any other, and replaces a key of that name (delete and create).
func (f *Fake) CreateKey(name, typ string) {
	v := f.generate(typ)
	f.locked(func() {
		f.keys[name] = &key{
			name: name, typ: typ, versions: map[int]*version{1: v}, latest: 1, minDec: 1,
			malformed: map[int]string{}, hidden: map[int]bool{},
		}
	})
}

// DeleteKey deletes a key.
func (f *Fake) DeleteKey(name string) { f.locked(func() { delete(f.keys, name) }) }

// Rotate adds a version, created now.
func (f *Fake) Rotate(name string) { f.RotateAt(name, time.Time{}) }

// RotateAt adds a version with a creation time; zero = now.
func (f *Fake) RotateAt(name string, created time.Time) {
	v := f.generate(f.must(name).typ)
	if !created.IsZero() {
		v.created = created
	}
	f.with(name, func(k *key) {
		k.latest++
		k.versions[k.latest] = v
	})
}

// Created sets the creation time of a version.
func (f *Fake) Created(name string, number int, created time.Time) {
	f.with(name, func(k *key) { k.versions[number].created = created })
}

// Configure sets min_decryption_version and min_encryption_version, as
// operators may: also downwards. It panics on what Vault would refuse.
func (f *Fake) Configure(name string, minDec, minEnc int) {
	f.with(name, func(k *key) {
		if ref := k.configure(minDec, minEnc); ref != nil {
			panic(ref.message)
		}
	})
}

// Flags sets what cannot be unset on a real Vault, and deletion_allowed.
func (f *Fake) Flags(name string, exportable, plaintextBackup, deletable bool) {
	f.with(name, func(k *key) { k.exportable, k.plaintextBackup, k.deletable = exportable, plaintextBackup, deletable })
}

// Malform makes the key read answer with that public_key for a version.
func (f *Fake) Malform(name string, number int, publicKey string) {
	f.with(name, func(k *key) { k.malformed[number] = publicKey })
}

// Hide leaves a version out of the key read although no minimum rose.
func (f *Fake) Hide(name string, number int, hide bool) {
	f.with(name, func(k *key) { k.hidden[number] = hide })
}

// Backup returns the key as it is, for [Fake.Restore].
func (f *Fake) Backup(name string) any {
	var saved key
	f.with(name, func(k *key) { saved = k.clone() })
	return saved
}

// Restore puts a backup back, over whatever has that name now (force=true).
func (f *Fake) Restore(name string, backup any) {
	saved, ok := backup.(key)
	if !ok {
		panic("not a backup")
	}
	k := saved.clone()
	f.locked(func() { f.keys[name] = &k })
}

// Public returns the public key of a version, nil for hmac.
func (f *Fake) Public(name string, number int) crypto.PublicKey {
	var pub crypto.PublicKey
	f.with(name, func(k *key) {
		if p := k.versions[number].private; p != nil {
			pub = p.Public()
		}
	})
	return pub
}

func (k *key) clone() key {
	c := *k
	c.versions, c.malformed, c.hidden = maps.Clone(k.versions), maps.Clone(k.malformed), maps.Clone(k.hidden)
	return c
}

func (f *Fake) must(name string) *key {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.keys[name]
	if k == nil {
		panic(fmt.Sprintf("no key %q", name))
	}
	return k
}

func (f *Fake) with(name string, do func(*key)) {
	k := f.must(name)
	f.locked(func() { do(k) })
}

// rsaPool shares RSA keys between fakes: making one takes up to seconds.
// Within one fake no key is used twice.
var rsaPool = struct {
	sync.Mutex
	keys map[int][]*rsa.PrivateKey
}{keys: map[int][]*rsa.PrivateKey{}}

func (f *Fake) generate(typ string) *version {
	secret := make([]byte, 64)
	if _, err := rand.Read(secret); err != nil {
		panic(err)
	}
	v := &version{secret: secret}
	switch typ {
	case "ecdsa-p256":
		v.private = generateEC(elliptic.P256())
	case "ecdsa-p384":
		v.private = generateEC(elliptic.P384())
	case "ecdsa-p521":
		v.private = generateEC(elliptic.P521())
	case "rsa-2048", "rsa-3072", "rsa-4096":
		bits, _ := strconv.Atoi(typ[len("rsa-"):])
		v.private = f.generateRSA(bits)
	case "ed25519":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic(err)
		}
		v.private = private
	case "hmac":
	default:
		panic(fmt.Sprintf("unknown key type %q", typ))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	v.created = f.now().Add(f.skew)
	return v
}

func generateEC(curve elliptic.Curve) crypto.Signer {
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func (f *Fake) generateRSA(bits int) crypto.Signer {
	rsaPool.Lock()
	defer rsaPool.Unlock()
	for _, k := range rsaPool.keys[bits] {
		if !f.uses(k) {
			return k
		}
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	rsaPool.keys[bits] = append(rsaPool.keys[bits], k)
	f.uses(k)
	return k
}

func known(typ string) bool {
	return slices.Contains([]string{
		"ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519", "hmac",
	}, typ)
}

// uses marks a pooled key as taken by this fake, and reports whether it was.
func (f *Fake) uses(private *rsa.PrivateKey) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used[private] {
		return true
	}
	f.used[private] = true
	return false
}

// describe is the "data" of a key read: only versions that are not below
// min_decryption_version; an hmac key lists none at all.
func (k *key) describe() map[string]any {
	data := map[string]any{
		"name": k.name, "type": k.typ, "derived": false, "deletion_allowed": k.deletable,
		"min_available_version": k.minAvailable, "min_decryption_version": k.minDec,
		"min_encryption_version": k.minEnc, "latest_version": k.latest,
		"exportable": k.exportable, "allow_plaintext_backup": k.plaintextBackup,
		"supports_signing": k.typ != "hmac", "auto_rotate_period": 0, "imported_key": false,
	}
	if k.typ == "hmac" {
		return data
	}
	versions := map[string]any{}
	for n, v := range k.versions {
		if n < k.minDec || k.hidden[n] {
			continue
		}
		text, ok := k.malformed[n]
		if !ok {
			text = encodePublic(v.private.Public())
		}
		versions[strconv.Itoa(n)] = map[string]any{
			"name": k.typ, "public_key": text, "certificate_chain": "", "creation_time": v.created.Format(time.RFC3339Nano),
		}
	}
	data["keys"] = versions
	return data
}

func encodePublic(pub crypto.PublicKey) string {
	if ed, ok := pub.(ed25519.PublicKey); ok {
		return base64.StdEncoding.EncodeToString(ed)
	}
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// configure applies Vault's order rules: min_encryption >= min_decryption or
// 0, both <= latest, min_decryption >= min_available.
func (k *key) configure(minDec, minEnc int) *refusal {
	switch {
	case minDec < 0 || minEnc < 0:
		return badRequest("min decryption/encryption version cannot be negative")
	case minDec > k.latest:
		return badRequest("cannot set min decryption version of %d, latest key version is %d", minDec, k.latest)
	case minEnc > k.latest:
		return badRequest("cannot set min encryption version of %d, latest key version is %d", minEnc, k.latest)
	case minEnc > 0 && minEnc < max(1, minDec):
		return badRequest("cannot set min encryption version of %d; min decryption version is %d", minEnc, minDec)
	case max(1, minDec) < k.minAvailable:
		return badRequest("min decryption version should not be less then min available version")
	}
	k.minDec, k.minEnc = max(1, minDec), minEnc
	return nil
}

// trim deletes the versions below minAvailable for good.
func (k *key) trim(minAvailable int) *refusal {
	switch {
	case minAvailable < k.minAvailable:
		return badRequest("minimum available version cannot be decremented")
	case k.minEnc == 0:
		return badRequest("minimum available version cannot be set when minimum encryption version is not set")
	case minAvailable > k.minEnc:
		return badRequest("minimum available version cannot be greater than minmum encryption version")
	case minAvailable > k.minDec:
		return badRequest("minimum available version cannot be greater than minimum decryption version")
	}
	k.minAvailable = minAvailable
	for n := range k.versions {
		if n < minAvailable {
			delete(k.versions, n)
		}
	}
	return nil
}

// admin is what the keeper and `signet vault init` do with keys.
func (f *Fake) admin(name, action string, params map[string]any) (any, *refusal) {
	k := f.keys[name]
	switch {
	case action == "" && k == nil:
		typ := stringParam(params, "type", "aes256-gcm96")
		if typ == "hmac" && intParam(params, "key_size", 0) < 32 {
			return nil, &refusal{vaultapi.ErrUnavailable, 500, "invalid key size for HMAC key, must be between 32 and 512 bytes"}
		}
		if !known(typ) {
			return nil, badRequest("unknown key type %s", typ)
		}
		f.mu.Unlock()
		defer f.mu.Lock()
		f.CreateKey(name, typ)
		return nil, nil
	case k == nil && action == "config":
		return nil, badRequest("no existing key named %s could be found", name)
	case k == nil:
		return nil, missing("key")
	case action == "rotate":
		f.mu.Unlock()
		defer f.mu.Lock()
		f.Rotate(name)
		return nil, nil
	case action == "config":
		k.deletable = k.deletable || fmt.Sprint(params["deletion_allowed"]) == "true"
		return nil, k.configure(intParam(params, "min_decryption_version", k.minDec), intParam(params, "min_encryption_version", k.minEnc))
	case action == "trim":
		return nil, k.trim(intParam(params, "min_available_version", 0))
	default:
		return nil, nil
	}
}

func (f *Fake) remove(name string) *refusal {
	if k := f.keys[name]; k == nil || !k.deletable {
		return badRequest("error deleting policy %s: deletion is not allowed for this key", name)
	}
	delete(f.keys, name)
	return nil
}
