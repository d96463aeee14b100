package issuer

import (
	"context"

	"signet/clients"
)

// ClientCredentialsRequest asks for a token for the client itself (RFC 6749 section 4.4).
type ClientCredentialsRequest struct {
	// Scope; empty for the policy's default.
	Scope string
	// Audience; none for the policy's default.
	Audience []string
}

// ClientCredentials gives a client a token of its own. There is no refresh
// token: the client can always ask again (RFC 6749 section 4.4.3).
func (i *Issuer) ClientCredentials(ctx context.Context, client *clients.Client, r ClientCredentialsRequest) (*Response, error) {
	m, err := i.clientCredentials(ctx, client, r)
	return i.done(clients.GrantClientCredentials, m, err)
}

func (i *Issuer) clientCredentials(ctx context.Context, client *clients.Client, r ClientCredentialsRequest) (*made, error) {
	if err := needs(client, clients.GrantClientCredentials); err != nil {
		return nil, err
	}
	claims, err := policyClaims(client, client.ID, r.Scope, r.Audience)
	if err != nil {
		return nil, err
	}
	ring, ttl, err := i.terms(client, "", 0)
	if err != nil {
		return nil, err
	}
	return i.single(ctx, clients.GrantClientCredentials, ring, ttl, claims)
}
