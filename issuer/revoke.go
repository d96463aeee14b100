package issuer

import (
	"context"
	"errors"
	"fmt"

	"signet/audit"
	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// Revoke ends a token of the client's own (RFC 7009): a refresh token takes its
// session and all access tokens of that session with it, an access token is
// denied until it has expired. A token that is unknown, over, forged or another
// client's is no error, and nothing happens.
func (i *Issuer) Revoke(ctx context.Context, client *clients.Client, token string) error {
	return i.metrics.done("revoke", i.revoke(ctx, client, token))
}

func (i *Issuer) revoke(ctx context.Context, client *clients.Client, token string) error {
	// The token itself says which kind it is: no hint is needed, and a wrong one
	// does no harm (RFC 7009 section 2.1).
	if refresh.IsToken(token) {
		sid, err := i.cfg.Sessions.RevokeToken(ctx, token, client.ID)
		if errors.Is(err, refresh.ErrInvalid) {
			return nil
		}
		if sid != "" {
			i.revoked(ctx, client.ID, audit.Record{Event: audit.EventRevoked, Kind: "session", SID: sid}, err)
		}
		return err
	}
	verified, err := i.verify(ctx, client, token, func(c signer.Claims) bool { return c.ClientID == client.ID })
	if errors.Is(err, signer.ErrInvalidToken) {
		return nil
	}
	if err != nil {
		return err
	}
	claims := verified.Claims
	// A replica takes the token until its exp and the skew by its own clock, which
	// may be behind by the skew, as this one may be ahead by it.
	err = i.cfg.Denylist.Deny(ctx, claims.ID, claims.Expiry.Add(3*i.cfg.ClockSkew).Sub(i.cfg.Now()))
	if err != nil {
		err = fmt.Errorf("%w: %w", errDenylist, err)
	}
	i.revoked(ctx, client.ID, audit.Record{Event: audit.EventRevoked, Kind: "token", JTI: claims.ID, SID: claims.SessionID, Subject: claims.Subject}, err)
	return err
}

// verify is the signer's, once the keys are known: before, a good token would
// look like a bad one, and its revocation would be confirmed and forgotten. A
// token that is not wanted is invalid before Vault is asked about it: nobody
// keeps Vault busy with tokens that he may know nothing about.
func (i *Issuer) verify(ctx context.Context, client *clients.Client, token string, wanted func(signer.Claims) bool) (signer.Token, error) {
	if !i.cfg.Ready() {
		return signer.Token{}, fmt.Errorf("verifying a token: %w: no keys read yet", signer.ErrUnavailable)
	}
	return i.cfg.Signer.VerifyFor(ctx, token, signer.Asker{Client: client.ID, Wants: wanted})
}
