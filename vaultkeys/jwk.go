package vaultkeys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"signet/signer"
)

// Thumbprint returns the kid of a public key: base64url of its RFC 7638
// SHA-256 thumbprint, 43 characters. It names the key itself: Vault re-uses
// version numbers after a delete or a restore, so a name and a version would
// not.
func Thumbprint(pub crypto.PublicKey) (string, error) {
	jwk, err := publicJWK(pub)
	if err != nil {
		return "", err
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("computing the RFC 7638 thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// MarshalJWK renders a key as a public JWK for signatures. go-jose pads EC
// coordinates to the curve's length (RFC 7518 section 6.2.1.2) and writes n
// and e without leading zeros (section 6.3.1).
func MarshalJWK(k signer.Key) (json.RawMessage, error) {
	jwk, err := publicJWK(k.Public)
	if err != nil {
		return nil, err
	}
	jwk.KeyID, jwk.Algorithm, jwk.Use = k.KID, string(k.Algorithm), "sig"
	text, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("rendering a JWK: %w", err)
	}
	return text, nil
}

// publicJWK admits public keys of the types that Signet publishes and nothing
// else: go-jose would render a private or symmetric key just as readily.
func publicJWK(pub crypto.PublicKey) (jose.JSONWebKey, error) {
	valid := false
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		valid = k != nil && k.Curve != nil
	case *rsa.PublicKey:
		valid = k != nil && k.N != nil
	case ed25519.PublicKey:
		valid = len(k) == ed25519.PublicKeySize
	}
	if !valid {
		return jose.JSONWebKey{}, fmt.Errorf("a %T is no public key that can be published", pub)
	}
	return jose.JSONWebKey{Key: pub}, nil
}
