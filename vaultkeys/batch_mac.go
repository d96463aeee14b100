package vaultkeys

import (
	"context"
	"fmt"

	"signet/signer"
)

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

	valid, err := verifyHMAC(ctx, b.cfg.Vault, b.paths.Verify(key.Ring), key.Version, req.Input, mac)
	if err != nil {
		return false, fmt.Errorf("%w: verifying a MAC: %w", signer.ErrUnavailable, err)
	}
	return valid, nil
}
