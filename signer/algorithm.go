package signer

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Algorithm is a JWS "alg" value (RFC 7518 section 3.1, RFC 8037) that Signet
// signs with. The set is closed: "none" cannot be expressed.
type Algorithm string

// The algorithms that Vault's transit engine can make a correct JWS with.
const (
	ES256 Algorithm = "ES256"
	ES384 Algorithm = "ES384"
	ES512 Algorithm = "ES512"
	RS256 Algorithm = "RS256"
	RS384 Algorithm = "RS384"
	RS512 Algorithm = "RS512"
	PS256 Algorithm = "PS256"
	PS384 Algorithm = "PS384"
	PS512 Algorithm = "PS512"
	EdDSA Algorithm = "EdDSA"
	HS256 Algorithm = "HS256"
)

// Algorithms lists every supported algorithm, the default first.
func Algorithms() []Algorithm {
	return []Algorithm{ES256, ES384, ES512, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA, HS256}
}

// ParseAlgorithm returns the algorithm spelled s, byte for byte (RFC 7515
// section 4.1.1: alg is case-sensitive).
func ParseAlgorithm(s string) (Algorithm, error) {
	for _, a := range Algorithms() {
		if string(a) == s {
			return a, nil
		}
	}
	return "", fmt.Errorf("unknown algorithm %q: use one of %s", s, AlgorithmList())
}

// AlgorithmList is every supported algorithm, for a message.
func AlgorithmList() string {
	names := make([]string, 0, len(Algorithms()))
	for _, a := range Algorithms() {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// Hash returns the digest that the algorithm signs, 0 for EdDSA, which signs
// the message itself (RFC 8032).
func (a Algorithm) Hash() crypto.Hash {
	switch a {
	case ES256, RS256, PS256, HS256:
		return crypto.SHA256
	case ES384, RS384, PS384:
		return crypto.SHA384
	case ES512, RS512, PS512:
		return crypto.SHA512
	case EdDSA:
		return 0
	default:
		return 0
	}
}

// Digest is the Hash of input. It must not be asked of EdDSA, which has none.
func (a Algorithm) Digest(input []byte) []byte {
	if a.Hash() == crypto.SHA256 { // most tokens: without a hash of its own on the heap
		sum := sha256.Sum256(input)
		return sum[:]
	}
	h := a.Hash().New()
	h.Write(input)
	return h.Sum(nil)
}

// Symmetric reports whether issuer and verifier share the key, so that no
// public key exists and only introspection can verify (RFC 7518 section 3.2).
func (a Algorithm) Symmetric() bool { return a == HS256 }
