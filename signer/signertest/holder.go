// Package signertest is a key holder for tests: real keys in memory, real
// signatures. A [Holder] is a signer.Backend and a signer.Keys at once, can
// rotate, fence and retire versions as Vault does, and can be told to fail.
//
// It is not for production: its private keys live in this process.
package signertest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/signer"
)

// Ring names one key ring to hold.
type Ring struct {
	// Name of the ring; required.
	Name string
	// Algorithm it signs with; zero means ES256.
	Algorithm signer.Algorithm
}

// Holder holds the keys of some rings. All methods are safe for concurrent use.
type Holder struct {
	mu       sync.Mutex
	rings    map[string]*ring
	order    []string
	fail     error
	failKeys error
	hook     func(context.Context, signer.Request) error
	requests []signer.Request
	macs     []signer.Request
	refreshs int
	// refreshedTo are the arguments of RefreshTo.
	refreshedTo []time.Time
}

type ring struct {
	algorithm signer.Algorithm
	versions  []version // index i is version i+1
	minimum   int       // lowest version that still signs (min_encryption_version)
	known     int       // the version that SigningKey reports until the next Refresh
	next      int       // the version that it reports afterwards
	none      int       // calls of Refresh until it reports any
}

type version struct {
	key     signer.Key
	private crypto.Signer // nil for HS256
	secret  []byte        // HS256 only
	retired bool
	unseen  bool // to VerificationKey, until RefreshTo
}

// New makes a holder with one version in each ring. It panics if the machine
// has no randomness or an algorithm is unknown: both are mistakes of the test.
func New(rings ...Ring) *Holder {
	h := &Holder{rings: make(map[string]*ring)}
	for _, r := range rings {
		if r.Algorithm == "" {
			r.Algorithm = signer.ES256
		}
		h.rings[r.Name] = &ring{algorithm: r.Algorithm, minimum: 1, known: 1, next: 1}
		h.order = append(h.order, r.Name)
		h.Publish(r.Name)
	}
	return h
}

// Publish adds a version that verifies but does not sign yet.
func (h *Holder) Publish(name string) signer.Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.ring(name)
	v := newVersion(name, r.algorithm, len(r.versions)+1)
	r.versions = append(r.versions, v)
	return v.key
}

// Rotate publishes a version and makes it the one that signs, at once.
func (h *Holder) Rotate(name string) signer.Key {
	key := h.Publish(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.ring(name)
	r.known, r.next = key.Version, key.Version
	return key
}

// Fence publishes a version below which nothing signs any more, while
// SigningKey still reports the old one until Refresh is called: a replica with
// a stale snapshot.
func (h *Holder) Fence(name string) signer.Key {
	key := h.Publish(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.ring(name)
	r.minimum, r.next = key.Version, key.Version
	return key
}

// Revoke leaves no version that may sign until Refresh has been called so many
// times, and then the ring signs with a new one, which it returns.
func (h *Holder) Revoke(name string, refreshes int) signer.Key {
	key := h.Fence(name)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(name).none = refreshes
	return key
}

// RefuseBelow makes versions below minimum refuse to sign; nothing else changes.
func (h *Holder) RefuseBelow(name string, minimum int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(name).minimum = minimum
}

// Retire takes a version out of VerificationKey.
func (h *Holder) Retire(name string, number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(name).versions[number-1].retired = true
}

// Hide takes a version out of VerificationKey until RefreshTo is called:
// another replica saw it earlier.
func (h *Holder) Hide(name string, number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(name).versions[number-1].unseen = true
}

// Fail makes Sign and VerifyMAC return err from now on; nil heals.
func (h *Holder) Fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fail = err
}

// FailKeys makes SigningKey, Refresh and RefreshTo return err from now on; nil heals.
func (h *Holder) FailKeys(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failKeys = err
}

// OnSign is called before each signature, outside any lock; its error becomes
// the answer. Nil removes it.
func (h *Holder) OnSign(f func(context.Context, signer.Request) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hook = f
}

// Requests returns a copy of every sign request so far, failed ones too.
func (h *Holder) Requests() []signer.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// Signs counts the sign requests so far.
func (h *Holder) Signs() int { return len(h.Requests()) }

// MACChecks counts the calls of VerifyMAC so far.
func (h *Holder) MACChecks() int { return len(h.MACRequests()) }

// MACRequests is what VerifyMAC was asked so far.
func (h *Holder) MACRequests() []signer.Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.macs)
}

// Refreshes counts the calls of Refresh so far.
func (h *Holder) Refreshes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.refreshs
}

// Key returns one version of a ring, retired or not.
func (h *Holder) Key(name string, number int) signer.Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring(name).versions[number-1].key
}

// Private is the private key of a version, nil for HS256: for signatures that
// are wrong on purpose.
func (h *Holder) Private(name string, number int) crypto.Signer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring(name).versions[number-1].private
}

// JWKS is the JSON Web Key Set of the versions that verify, newest first.
func (h *Holder) JWKS() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, name := range h.order {
		for _, v := range slices.Backward(h.rings[name].versions) {
			if v.retired || v.key.Public == nil {
				continue
			}
			set.Keys = append(set.Keys, jose.JSONWebKey{
				Key: v.key.Public, KeyID: v.key.KID, Algorithm: string(v.key.Algorithm), Use: "sig",
			})
		}
	}
	return must(json.Marshal(set))
}

// Compact signs header and payload exactly as given, whatever they say, with a
// version of a ring: the way to a token that is well signed and wrong.
func (h *Holder) Compact(name string, number int, header, payload string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sig := must(h.ring(name).versions[number-1].sign([]byte(input)))
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// Sign implements signer.Backend.
func (h *Holder) Sign(ctx context.Context, req signer.Request) ([]byte, error) {
	h.mu.Lock()
	h.requests = append(h.requests, req)
	hook, fail := h.hook, h.fail
	h.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, req); err != nil {
			return nil, err
		}
	}
	if fail != nil {
		return nil, fail
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", signer.ErrUnavailable, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	r, ok := h.rings[req.Key.Ring]
	if !ok {
		return nil, fmt.Errorf("%w: %s", signer.ErrUnknownRing, req.Key.Ring)
	}
	if req.Key.Version < r.minimum || req.Key.Version > len(r.versions) {
		return nil, fmt.Errorf("%w: version %d", signer.ErrVersionRefused, req.Key.Version)
	}
	v := r.versions[req.Key.Version-1]
	if v.key.KID != req.Key.KID {
		return nil, fmt.Errorf("version %d is not the key %s", req.Key.Version, req.Key.KID)
	}
	return v.sign(req.Input)
}

// VerifyMAC implements signer.Backend.
func (h *Holder) VerifyMAC(_ context.Context, req signer.Request, mac []byte) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.macs = append(h.macs, req)
	if h.fail != nil {
		return false, h.fail
	}
	r, ok := h.rings[req.Key.Ring]
	if !ok || req.Key.Version < 1 || req.Key.Version > len(r.versions) || r.algorithm != signer.HS256 {
		return false, nil
	}
	want, err := r.versions[req.Key.Version-1].sign(req.Input)
	return err == nil && hmac.Equal(want, mac), nil
}

// SigningKey implements signer.Keys.
func (h *Holder) SigningKey(name string) (signer.Key, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failKeys != nil {
		return signer.Key{}, h.failKeys
	}
	r, ok := h.rings[name]
	if !ok {
		return signer.Key{}, fmt.Errorf("%w: %s", signer.ErrUnknownRing, name)
	}
	if r.none > 0 {
		return signer.Key{}, fmt.Errorf("%w: %w", signer.ErrUnavailable, signer.ErrNoVersion)
	}
	return r.versions[r.known-1].key, nil
}

// VerificationKey implements signer.Keys.
func (h *Holder) VerificationKey(kid string) (signer.Key, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.rings {
		for _, v := range r.versions {
			if v.key.KID == kid && !v.retired && !v.unseen {
				return v.key, true
			}
		}
	}
	return signer.Key{}, false
}

// Refresh implements signer.Keys.
func (h *Holder) Refresh(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refreshs++
	if h.failKeys != nil {
		return h.failKeys
	}
	r := h.ring(name)
	r.known, r.none = r.next, max(r.none-1, 0)
	return nil
}

// RefreshTo implements signer.Keys: the versions that Hide hid are seen again.
func (h *Holder) RefreshTo(_ context.Context, at time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refreshedTo = append(h.refreshedTo, at)
	if h.failKeys != nil {
		return h.failKeys
	}
	for _, r := range h.rings {
		for i := range r.versions {
			r.versions[i].unseen = false
		}
	}
	return nil
}

// RefreshedTo are the times that RefreshTo was called with.
func (h *Holder) RefreshedTo() []time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.refreshedTo)
}

func (h *Holder) ring(name string) *ring {
	r, ok := h.rings[name]
	if !ok {
		panic("signertest: unknown ring " + name)
	}
	return r
}

func newVersion(name string, a signer.Algorithm, number int) version {
	v := version{key: signer.Key{Ring: name, Version: number, Algorithm: a}}
	switch a {
	case signer.ES256:
		v.private = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	case signer.ES384:
		v.private = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	case signer.ES512:
		v.private = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	case signer.RS256, signer.RS384, signer.RS512, signer.PS256, signer.PS384, signer.PS512:
		v.private = must(rsa.GenerateKey(rand.Reader, 2048))
	case signer.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		v.private = must(private, err)
	case signer.HS256:
		v.secret = make([]byte, 64)
		must(rand.Read(v.secret))
		sum := sha256.Sum256(mac(v.secret, []byte("signet-kid")))
		v.key.KID = base64.RawURLEncoding.EncodeToString(sum[:])
		return v
	default:
		panic("signertest: unknown algorithm " + string(a))
	}
	v.key.Public = v.private.Public()
	jwk := jose.JSONWebKey{Key: v.key.Public}
	v.key.KID = base64.RawURLEncoding.EncodeToString(must(jwk.Thumbprint(crypto.SHA256)))
	return v
}

func (v version) sign(input []byte) ([]byte, error) {
	hash := v.key.Algorithm.Hash()
	digest := input
	if hash != 0 && v.secret == nil {
		d := hash.New()
		d.Write(input)
		digest = d.Sum(nil)
	}
	switch v.key.Algorithm {
	case signer.HS256:
		return mac(v.secret, input), nil
	case signer.ES256, signer.ES384, signer.ES512:
		private, ok := v.private.(*ecdsa.PrivateKey)
		if !ok {
			return nil, fmt.Errorf("not an EC key: %T", v.private)
		}
		r, s, err := ecdsa.Sign(rand.Reader, private, digest)
		if err != nil {
			return nil, fmt.Errorf("signing: %w", err)
		}
		size := (private.Params().BitSize + 7) / 8
		sig := make([]byte, 2*size)
		r.FillBytes(sig[:size])
		s.FillBytes(sig[size:])
		return sig, nil
	case signer.PS256, signer.PS384, signer.PS512:
		return v.private.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	case signer.RS256, signer.RS384, signer.RS512, signer.EdDSA:
		return v.private.Sign(rand.Reader, digest, hash)
	default:
		return nil, fmt.Errorf("unknown algorithm %s", v.key.Algorithm)
	}
}

func mac(secret, input []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write(input)
	return m.Sum(nil)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
