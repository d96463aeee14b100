package vaultkeys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// verifyRequest is the body of transit/verify for an HMAC; the version is in
// the prefix of hmac.
type verifyRequest struct {
	Input         []byte `json:"input"`
	HMAC          string `json:"hmac"`
	HashAlgorithm string `json:"hash_algorithm"`
}

// VerifyMAC fits signer.Backend. A version that Vault does not verify with any
// more makes mac invalid; only a Vault that cannot be asked is an error.
func (b *Batcher) VerifyMAC(ctx context.Context, req signer.Request, mac []byte) (bool, error) {
	key := req.Key
	if !key.Algorithm.Symmetric() {
		return false, fmt.Errorf("%w: %s has no MAC", signer.ErrUnavailable, key.Algorithm)
	}
	if want, err := signer.SignatureSize(key); err != nil || len(mac) != want || key.Version < 1 {
		return false, nil // nor has an unknown algorithm a valid MAC
	}
	if err := b.macs.enter(ctx, req.Client); err != nil {
		return false, err
	}
	defer b.macs.leave()
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	stop := context.AfterFunc(b.life, cancel) //nolint:contextcheck // ctx ends with the Batcher too
	defer stop()

	request := verifyRequest{
		Input:         req.Input,
		HMAC:          "vault:v" + strconv.Itoa(key.Version) + ":" + base64.StdEncoding.EncodeToString(mac),
		HashAlgorithm: ParamsOf(key.Algorithm, 0).HashAlgorithm,
	}
	var reply struct {
		Valid *bool `json:"valid"`
	}
	_, err := b.cfg.Vault.Write(ctx, b.paths.Verify(key.Ring), request, &reply)
	switch {
	case errors.Is(err, vaultapi.ErrVersionRefused):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: verifying a MAC: %w", signer.ErrUnavailable, err)
	case reply.Valid == nil:
		return false, fmt.Errorf("%w: verifying a MAC: %w: no verdict", signer.ErrUnavailable, errFaulty)
	default:
		return *reply.Valid, nil
	}
}
