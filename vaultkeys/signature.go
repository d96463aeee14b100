package vaultkeys

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"

	"signet/signer"
)

// errForm quotes nothing of what it refuses: for HS256 that may be most of a
// valid tag.
var errForm = errors.New(`not of the form "vault:vN:BASE64"`)

// parseSignature reads what transit/sign and transit/hmac answer,
// "vault:vN:" and the signature, in the encoding that was asked for: raw
// base64url for marshaling_algorithm=jws, standard base64 for an HMAC. One
// signature has one spelling only; every other is refused.
func parseSignature(s string, encoding *base64.Encoding) (version int, sig []byte, err error) {
	rest, ok := strings.CutPrefix(s, "vault:v")
	if !ok {
		return 0, nil, errForm
	}
	digits, encoded, ok := strings.Cut(rest, ":")
	if !ok || encoded == "" {
		return 0, nil, errForm
	}
	if version, ok = parseVersion(digits); !ok {
		return 0, nil, errForm
	}
	// Strict refuses stray bits, but line breaks pass: encoding/base64 skips them.
	if strings.ContainsAny(encoded, "\r\n") {
		return 0, nil, errForm
	}
	sig, err = encoding.Strict().DecodeString(encoded)
	if err != nil {
		return 0, nil, errForm
	}
	return version, sig, nil
}

// parseVersion reads a positive decimal without sign or leading zero.
func parseVersion(digits string) (int, bool) {
	if digits == "" || digits[0] == '0' || len(digits) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n <= math.MaxInt32
}

// signatureEncoding is how Vault spells signatures of an algorithm.
func signatureEncoding(a signer.Algorithm) *base64.Encoding {
	if a.Symmetric() {
		return base64.StdEncoding // transit/hmac knows no other
	}
	return base64.RawURLEncoding
}

// signatureBytes is the one length that a signature by this key has
// (RFC 7518 sections 3.2 to 3.5, RFC 8032 section 5.1.6).
func signatureBytes(key signer.Key) (int, error) {
	switch key.Algorithm {
	case signer.ES256, signer.EdDSA:
		return 64, nil
	case signer.ES384:
		return 96, nil
	case signer.ES512:
		return 132, nil // two coordinates of 521 bits: 66 bytes each
	case signer.HS256:
		return sha256.Size, nil
	case signer.RS256, signer.RS384, signer.RS512, signer.PS256, signer.PS384, signer.PS512:
		public, ok := key.Public.(*rsa.PublicKey)
		if !ok || public == nil || public.N == nil {
			return 0, fmt.Errorf("algorithm %s with a public key of type %T", key.Algorithm, key.Public)
		}
		return public.Size(), nil
	default:
		return 0, fmt.Errorf("unknown algorithm %q", key.Algorithm)
	}
}
