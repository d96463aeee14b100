package vaultkeys

import (
	"encoding/base64"
	"errors"
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
