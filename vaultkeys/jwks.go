package vaultkeys

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"signet/signer"
)

// staleMaxAge is the max-age of a set that may be out of date: verifiers come
// back soon after Vault does.
const staleMaxAge = 30 * time.Second

// KeySet is the JWK set to serve now, and for how long it may be cached.
type KeySet struct {
	// Body is the JSON (RFC 7517 section 5), the same bytes for the same keys.
	// It is shared: do not change it.
	Body []byte
	// ETag is a strong entity tag, quotes included (RFC 9110 section 8.8.3).
	ETag string
	// Keys are those in Body, in its order. It is shared: do not change it.
	Keys []signer.Key
	// MaxAge and StaleIfError are for Cache-Control. MaxAge is short while a
	// ring's snapshot is too old to sign by.
	MaxAge, StaleIfError time.Duration
	// Loaded is false until every asymmetric ring has been read: there is then
	// nothing to serve. An empty set would be worse than none.
	Loaded bool
}

// marshalJWKS renders asymmetric public keys, in their order.
func marshalJWKS(keys []signer.Key) (body []byte, etag string, err error) {
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: make([]json.RawMessage, 0, len(keys))}
	for _, k := range keys {
		jwk, err := MarshalJWK(k)
		if err != nil {
			return nil, "", fmt.Errorf("ring %q version %d: %w", k.Ring, k.Version, err)
		}
		set.Keys = append(set.Keys, jwk)
	}
	body, err = json.Marshal(set)
	if err != nil {
		return nil, "", fmt.Errorf("rendering the JWK set: %w", err)
	}
	sum := sha256.Sum256(body)
	return body, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, nil
}

// JWKS is the set of all public keys, from memory: it never waits for Vault
// and goes on while Vault is sealed.
func (r *Rings) JWKS() KeySet {
	now := r.cfg.Now()
	v := r.view.Load()
	if !v.changesAt.IsZero() && !now.Before(v.changesAt) {
		v = r.rebuild(now)
	}
	set := KeySet{
		Body: v.body, ETag: v.etag, Keys: v.keys, Loaded: v.body != nil,
		MaxAge: r.cfg.JWKSMaxAge, StaleIfError: r.cfg.StaleIfError,
	}
	for i, s := range v.rings {
		if s != nil && !r.cfg.Rings[i].Algorithm.Symmetric() && s.age(now) > r.cfg.Rings[i].staleAfter() {
			set.MaxAge = min(set.MaxAge, staleMaxAge)
		}
	}
	return set
}

// Algorithms are the asymmetric algorithms of the rings, each once, in config
// order: what a verifier of the JWKS must be able to do.
func (r *Rings) Algorithms() []signer.Algorithm {
	var out []signer.Algorithm
	seen := map[signer.Algorithm]bool{}
	for _, ring := range r.cfg.Rings {
		if !ring.Algorithm.Symmetric() && !seen[ring.Algorithm] {
			seen[ring.Algorithm] = true
			out = append(out, ring.Algorithm)
		}
	}
	return out
}
