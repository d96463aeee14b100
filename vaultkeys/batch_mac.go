package vaultkeys

import (
	"context"
	"fmt"
	"time"

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
	// Who hangs up does not end the request: that would cost its connection, and a
	// handshake with Vault for the next one.
	deadline, ok := ctx.Deadline()
	if latest := time.Now().Add(b.cfg.Timeout); !ok || latest.Before(deadline) {
		deadline = latest
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	stop := context.AfterFunc(b.life, cancel) //nolint:contextcheck // ctx ends with the Batcher too
	defer stop()

	valid, err := verifyHMAC(ctx, b.cfg.Vault, b.paths.Verify(key.Ring), key.Version, req.Input, mac)
	if err != nil {
		return false, fmt.Errorf("%w: verifying a MAC: %w", signer.ErrUnavailable, err)
	}
	return valid, nil
}
