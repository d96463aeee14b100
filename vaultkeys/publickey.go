package vaultkeys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"

	"signet/signer"
)

// ParsePublic reads a public key as the key read gives it: PEM for RSA and EC,
// standard base64 of the 32 raw bytes for Ed25519. It must be a key that the
// algorithm can use (RFC 7518 sections 3.3 and 3.4, RFC 8037 section 3.1).
func ParsePublic(alg signer.Algorithm, rsaBits int, text string) (crypto.PublicKey, error) {
	if alg == signer.EdDSA {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("decoding base64: %w", err)
		}
		if len(raw) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key has %d bytes, this one %d", ed25519.PublicKeySize, len(raw))
		}
		return ed25519.PublicKey(raw), nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	pub, err := parseDER(block)
	if err != nil {
		return nil, err
	}
	return pub, fits(alg, rsaBits, pub)
}

func parseDER(block *pem.Block) (crypto.PublicKey, error) {
	if block.Type == "RSA PUBLIC KEY" { // PKCS #1: how Vault wrote imported keys once
		pub, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parsing PKCS #1: %w", err)
		}
		return pub, nil
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parsing PKIX: %w", err)
	}
	return pub, nil
}

func fits(alg signer.Algorithm, rsaBits int, pub crypto.PublicKey) error {
	want := ParamsOf(alg, rsaBits).KeyType
	switch k := pub.(type) {
	case *ecdsa.PublicKey:
		if name := "ecdsa-p" + strconv.Itoa(k.Curve.Params().BitSize); name != want {
			return fmt.Errorf("is a %s key, %s needs %s", name, alg, want)
		}
	case *rsa.PublicKey:
		if name := "rsa-" + strconv.Itoa(k.N.BitLen()); name != want {
			return fmt.Errorf("is a %s key, %s needs %s", name, alg, want)
		}
	default:
		return fmt.Errorf("is a %T, %s needs %s", pub, alg, want)
	}
	return nil
}
