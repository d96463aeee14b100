package simulation

import (
	"context"
	"fmt"
	"time"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// connection is a replica's way to Vault.
type connection replica

func (c *connection) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	if !(*replica)(c).canRead() {
		return vaultapi.Meta{}, fmt.Errorf("%w: simulated", vaultapi.ErrUnavailable)
	}
	return c.w.vault.Read(ctx, path, out)
}

func (c *connection) Write(context.Context, string, any, any) (vaultapi.Meta, error) {
	panic("a replica writes to Vault")
}

func (c *connection) Logins() uint64 { return 1 }

// chooser is a replica's keys as its signer sees them: the first answer is the
// key that was chosen when the request came in.
type chooser replica

func (c *chooser) SigningKey(name string) (signer.Key, error) {
	if k := c.choice; k != nil {
		c.choice = nil
		return *k, nil
	}
	return c.rings.SigningKey(name)
}

func (c *chooser) VerificationKey(kid string) (signer.Key, bool) { return c.rings.VerificationKey(kid) }

func (c *chooser) Refresh(ctx context.Context, name string) error {
	c.polled = c.w.now
	err := c.rings.Refresh(ctx, name)
	(*replica)(c).record()
	return err
}

func (c *chooser) RefreshTo(ctx context.Context, at time.Time) error {
	return c.rings.RefreshTo(ctx, at)
}

// backend signs with nothing but Vault's leave: which version is all that matters.
type backend replica

func (b *backend) Sign(_ context.Context, req signer.Request) ([]byte, error) {
	if !b.signs || b.w.vaultDown {
		return nil, fmt.Errorf("%w: simulated", signer.ErrUnavailable)
	}
	if err := b.w.vault.sign(req.Key.Version); err != nil {
		return nil, fmt.Errorf("%w: %w", signer.ErrVersionRefused, err)
	}
	// Vault signs with the key that it has under this number now.
	if now := b.w.publics[b.w.vault.versions[req.Key.Version].PublicKey]; now == nil || now.kid != req.Key.KID {
		// CheckSignature finds this, and the batch is discarded.
		return nil, fmt.Errorf("%w: another key", signer.ErrUnavailable)
	}
	return []byte("simulated"), nil
}

func (b *backend) VerifyMAC(context.Context, signer.Request, []byte) (bool, error) {
	panic("no HS256 here")
}
