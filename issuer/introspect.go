package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// Introspection is what a client may know about an active token (RFC 7662
// section 2.2). For a refresh token only the session's members are set.
type Introspection struct {
	// Claims of an access token; of a refresh token's session Subject, ClientID,
	// Scope, Audience, SessionID, AuthTime, IssuedAt (its creation) and Expiry.
	Claims signer.Claims
	// TokenType is Bearer for an access token, empty for a refresh token.
	TokenType string
}

// Introspect says what is known about a token, or nil if it is not active: not
// ours, over, revoked, or not for this client to know. A client sees access
// tokens whose audience it is and those issued to itself, and refresh tokens of
// its own. If the denials cannot be read that is an error, never "active".
func (i *Issuer) Introspect(ctx context.Context, client *clients.Client, token string) (*Introspection, error) {
	found, err := i.introspect(ctx, client, token)
	if err != nil {
		return nil, i.metrics.done("introspect", err)
	}
	return found, nil
}

func (i *Issuer) introspect(ctx context.Context, client *clients.Client, token string) (*Introspection, error) {
	if refresh.IsToken(token) {
		return i.introspectRefresh(ctx, client, token)
	}
	if !client.Introspect {
		return nil, refuse(AccessDenied, "this client may not introspect access tokens")
	}
	verified, err := i.verify(ctx, client, token, func(c signer.Claims) bool { return entitled(client, c) })
	if errors.Is(err, signer.ErrInvalidToken) {
		return nil, nil //nolint:nilnil // inactive is an answer, not a failure
	}
	if err != nil {
		return nil, err
	}
	i.cfg.Usage.Introspected(verified.Key) // denied or not: somebody still holds tokens of that key
	denied, err := i.denied(ctx, verified.Claims)
	if err != nil || denied {
		return nil, err
	}
	return &Introspection{Claims: verified.Claims, TokenType: bearer}, nil
}

func (i *Issuer) introspectRefresh(ctx context.Context, client *clients.Client, token string) (*Introspection, error) {
	session, err := i.cfg.Sessions.Inspect(ctx, token)
	if errors.Is(err, refresh.ErrInvalid) {
		return nil, nil //nolint:nilnil // inactive
	}
	if err != nil {
		return nil, err
	}
	if session.ClientID != client.ID {
		return nil, nil //nolint:nilnil // inactive
	}
	return &Introspection{Claims: signer.Claims{
		Subject: session.Subject, ClientID: session.ClientID, Scope: session.Scope, Audience: session.Audience,
		SessionID: session.SID, AuthTime: session.AuthTime, IssuedAt: session.CreatedAt.Truncate(time.Second),
		Expiry: session.IdleExpiresAt.Truncate(time.Second),
	}}, nil
}

// entitled: the token is meant for the client, or was issued to it.
func entitled(client *clients.Client, claims signer.Claims) bool {
	return claims.ClientID == client.ID || slices.ContainsFunc(claims.Audience, func(a string) bool {
		return slices.Contains(client.Audiences, a)
	})
}

// denied asks the jti denylist, the not-befores, and the token's session.
func (i *Issuer) denied(ctx context.Context, claims signer.Claims) (bool, error) {
	denied, err := i.cfg.Denylist.Denied(ctx, claims.ID)
	if err != nil {
		return false, fmt.Errorf("%w: %w", errDenylist, err)
	}
	if denied {
		return true, nil
	}
	return i.cfg.Sessions.Denied(ctx, refresh.AccessToken{
		SID: claims.SessionID, Subject: claims.Subject, ClientID: claims.ClientID, IssuedAt: claims.IssuedAt,
	})
}
