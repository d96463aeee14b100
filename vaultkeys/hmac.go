package vaultkeys

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// hmacOf asks Vault for the HMAC-SHA256 of a label under one version of a key.
// It sends the two parameters that issuer.hcl allows, as strings, and relies
// on transit's default algorithm, sha2-256.
func hmacOf(ctx context.Context, v Writer, path string, version int, label string) ([]byte, error) {
	in := map[string]string{
		"input":       base64.StdEncoding.EncodeToString([]byte(label)),
		"key_version": strconv.Itoa(version),
	}
	var out struct {
		HMAC string `json:"hmac"`
	}
	if _, err := v.Write(ctx, path, in, &out); err != nil {
		return nil, err
	}
	return parseHMAC(out.HMAC, version)
}

// parseHMAC reads the answer to transit/hmac. It has no key_version: the prefix
// alone says which version was used. No error quotes the text, which is a secret.
func parseHMAC(text string, version int) ([]byte, error) {
	used, mac, err := parseSignature(text, base64.StdEncoding)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading an HMAC: %w", err)
	case used != version:
		return nil, fmt.Errorf("reading an HMAC: it is of version %d, not %d", used, version)
	case len(mac) != sha256.Size:
		return nil, fmt.Errorf("reading an HMAC: it has %d bytes, not %d", len(mac), sha256.Size)
	}
	return mac, nil
}

// verifyRequest is the body of transit/verify for an HMAC; the version is in
// the prefix of hmac.
type verifyRequest struct {
	Input         []byte `json:"input"`
	HMAC          string `json:"hmac"`
	HashAlgorithm string `json:"hash_algorithm"`
}

// verifyHMAC asks Vault, at [Paths.Verify], whether mac is that of input under
// a version of an HS256 key. It answers for every version from
// min_decryption_version on, fenced ones too
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#verify-signed-data);
// under others nothing is valid. An error says that there is no verdict.
func verifyHMAC(ctx context.Context, v Writer, path string, version int, input, mac []byte) (bool, error) {
	in := verifyRequest{
		Input:         input,
		HMAC:          "vault:v" + strconv.Itoa(version) + ":" + base64.StdEncoding.EncodeToString(mac),
		HashAlgorithm: ParamsOf(signer.HS256, 0).HashAlgorithm,
	}
	var out struct {
		Valid *bool `json:"valid"`
	}
	_, err := v.Write(ctx, path, in, &out)
	switch {
	case errors.Is(err, vaultapi.ErrVersionRefused):
		return false, nil
	case err != nil:
		return false, err
	case out.Valid == nil:
		return false, fmt.Errorf("%w: no verdict", errFaulty)
	default:
		return *out.Valid, nil
	}
}
