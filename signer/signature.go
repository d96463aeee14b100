package signer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
)

var (
	errSignature = errors.New("signature does not verify")
	errKeyType   = errors.New("key does not fit its algorithm")
)

// CheckSignature verifies the raw JWS signature sig over input with the public
// half of key, by key.Algorithm and nothing else (RFC 8725 section 3.1). HS256
// keys have no public half and are refused: ask the Backend.
func CheckSignature(key Key, input, sig []byte) error {
	switch key.Algorithm {
	case ES256:
		return checkECDSA(key, elliptic.P256(), input, sig)
	case ES384:
		return checkECDSA(key, elliptic.P384(), input, sig)
	case ES512:
		return checkECDSA(key, elliptic.P521(), input, sig)
	case RS256, RS384, RS512, PS256, PS384, PS512:
		return checkRSA(key, input, sig)
	case EdDSA:
		public, ok := key.Public.(ed25519.PublicKey)
		if !ok || len(public) != ed25519.PublicKeySize {
			return errKeyType
		}
		if len(sig) != ed25519.SignatureSize || !ed25519.Verify(public, input, sig) {
			return errSignature
		}
		return nil
	case HS256:
		return fmt.Errorf("%w: HS256 has no public key", errKeyType)
	default:
		return fmt.Errorf("%w: unknown algorithm", errKeyType)
	}
}

// SignatureSize is how many bytes a signature by key has, always (RFC 7518
// sections 3.2 to 3.5, RFC 8032 section 5.1.6). An error means that the key
// cannot sign: its algorithm is unknown, or has another type of key.
func SignatureSize(key Key) (int, error) {
	switch key.Algorithm {
	case ES256:
		return 2 * 32, nil
	case ES384:
		return 2 * 48, nil
	case ES512:
		return 2 * 66, nil // coordinates of 521 bits
	case EdDSA:
		return ed25519.SignatureSize, nil
	case HS256:
		return sha256.Size, nil
	case RS256, RS384, RS512, PS256, PS384, PS512:
		public, ok := key.Public.(*rsa.PublicKey)
		if !ok || public == nil || public.N == nil {
			return 0, fmt.Errorf("%w: %s with a public key of type %T", errKeyType, key.Algorithm, key.Public)
		}
		return public.Size(), nil
	default:
		return 0, fmt.Errorf("%w: unknown algorithm %q", errKeyType, key.Algorithm)
	}
}

func checkECDSA(key Key, curve elliptic.Curve, input, sig []byte) error {
	public, ok := key.Public.(*ecdsa.PublicKey)
	if !ok || public.Curve != curve {
		return errKeyType
	}
	// RFC 7518 section 3.4: exactly R || S, each padded to the curve's length;
	// never DER. ecdsa.Verify refuses r and s outside 1..n-1 (CVE-2022-21449).
	size := (curve.Params().BitSize + 7) / 8
	if len(sig) != 2*size {
		return errSignature
	}
	r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
	if !ecdsa.Verify(public, key.Algorithm.Digest(input), r, s) {
		return errSignature
	}
	return nil
}

func checkRSA(key Key, input, sig []byte) error {
	public, ok := key.Public.(*rsa.PublicKey)
	if !ok || public.N == nil || public.N.BitLen() < 2048 { // RFC 7518 sections 3.3 and 3.5
		return errKeyType
	}
	if len(sig) != public.Size() {
		return errSignature
	}
	hash, sum := key.Algorithm.Hash(), key.Algorithm.Digest(input)
	var err error
	if key.Algorithm == PS256 || key.Algorithm == PS384 || key.Algorithm == PS512 {
		// RFC 7518 section 3.5: the salt is as long as the hash, no other length.
		err = rsa.VerifyPSS(public, hash, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash})
	} else {
		err = rsa.VerifyPKCS1v15(public, hash, sum, sig)
	}
	if err != nil {
		return errSignature
	}
	return nil
}
