package vaultkeys

import (
	"strconv"

	"signet/signer"
)

// HMACKeyBytes is the size of the transit hmac keys that Signet creates: the
// block size of SHA-256, above RFC 7518 section 3.2's minimum of 32.
const HMACKeyBytes = 64

// TransitParams is what Vault's transit engine must be told to make the
// signature that a JWS algorithm names. Vault's defaults would not do: RSA is
// PSS with the longest salt, ECDSA is ASN.1 with SHA-256 on every curve
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data).
type TransitParams struct {
	// KeyType is the transit key's "type".
	KeyType string
	// HashAlgorithm is "hash_algorithm"; empty for Ed25519, which hashes inside.
	HashAlgorithm string
	// SignatureAlgorithm is "signature_algorithm", pkcs1v15 or pss; empty if not RSA.
	SignatureAlgorithm string
	// SaltLength is "salt_length"; "hash" for PSS (RFC 7518 section 3.5), else empty.
	SaltLength string
	// MarshalingAlgorithm is "marshaling_algorithm": "jws" gives raw R||S in
	// base64url (RFC 7518 section 3.4); empty for HMAC, which has none.
	MarshalingAlgorithm string
	// Prehashed says that "input" is the digest, made by Signet: cheaper for
	// Vault, and the audit log can then be searched by that digest.
	Prehashed bool
	// KeySize is "key_size" when an hmac key is created, in bytes; else 0.
	KeySize int
}

// ParamsOf returns the transit parameters of a JWS algorithm. rsaBits is the
// size of the ring's RSA keys (0 = 2048) and is ignored for other types.
func ParamsOf(a signer.Algorithm, rsaBits int) TransitParams {
	if rsaBits == 0 {
		rsaBits = 2048
	}
	switch a {
	case signer.ES256:
		return ecParams("ecdsa-p256", "sha2-256")
	case signer.ES384:
		return ecParams("ecdsa-p384", "sha2-384")
	case signer.ES512:
		return ecParams("ecdsa-p521", "sha2-512")
	case signer.RS256:
		return rsaParams(rsaBits, "sha2-256", "pkcs1v15")
	case signer.RS384:
		return rsaParams(rsaBits, "sha2-384", "pkcs1v15")
	case signer.RS512:
		return rsaParams(rsaBits, "sha2-512", "pkcs1v15")
	case signer.PS256:
		return rsaParams(rsaBits, "sha2-256", "pss")
	case signer.PS384:
		return rsaParams(rsaBits, "sha2-384", "pss")
	case signer.PS512:
		return rsaParams(rsaBits, "sha2-512", "pss")
	case signer.EdDSA:
		return TransitParams{KeyType: "ed25519", MarshalingAlgorithm: "jws"}
	case signer.HS256:
		return TransitParams{KeyType: "hmac", HashAlgorithm: "sha2-256", KeySize: HMACKeyBytes}
	default:
		return TransitParams{}
	}
}

func ecParams(keyType, hash string) TransitParams {
	return TransitParams{KeyType: keyType, HashAlgorithm: hash, MarshalingAlgorithm: "jws", Prehashed: true}
}

func rsaParams(bits int, hash, padding string) TransitParams {
	p := TransitParams{
		KeyType: "rsa-" + strconv.Itoa(bits), HashAlgorithm: hash, SignatureAlgorithm: padding,
		MarshalingAlgorithm: "jws", Prehashed: true,
	}
	if padding == "pss" {
		p.SaltLength = "hash"
	}
	return p
}
