package issuer

import (
	"context"
	"slices"
	"strings"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// RefreshRequest asks for the next pair of a session (RFC 6749 section 6).
type RefreshRequest struct {
	Token string
	// Scope may only narrow the access token; empty for the session's.
	Scope string
	// Audience may only narrow it too; none for the session's.
	Audience []string
}

// Refresh exchanges a refresh token. Its order is check, sign, commit: an
// outage of Vault burns no token, and the commit repeats every check.
func (i *Issuer) Refresh(ctx context.Context, client *clients.Client, r RefreshRequest) (*Response, error) {
	m, err := i.refresh(ctx, client, r)
	return i.done(clients.GrantRefreshToken, m, err)
}

func (i *Issuer) refresh(ctx context.Context, client *clients.Client, r RefreshRequest) (*made, error) {
	if err := needs(client, clients.GrantRefreshToken); err != nil {
		return nil, err
	}
	attempt, err := i.cfg.Refresher.Check(ctx, r.Token, client.ID, "")
	if err != nil {
		return nil, err
	}
	claims, err := i.sessionClaims(client, attempt.Session, r)
	if err != nil {
		return nil, err
	}
	ring, ttl, err := i.terms(client, "", 0)
	if err != nil {
		return nil, err
	}
	claims.IssuedAt = i.cfg.Now()
	claims.Expiry = earlier(claims.IssuedAt.Add(ttl), attempt.Session.ExpiresAt)
	if claims.Expiry.Unix() <= claims.IssuedAt.Unix() {
		return nil, grantRefused(nil) // less than a second is left of the session
	}
	token, err := i.sign(ctx, ring, claims, signer.Origin{Grant: string(clients.GrantRefreshToken), Generation: attempt.Presented()})
	if err != nil {
		return nil, err
	}
	err = ErrPanic
	defer i.withheldFor(ctx, token, &err)
	next, session, err := i.cfg.Refresher.Commit(ctx, attempt)
	if err != nil {
		return nil, err
	}
	return &made{token, ring, i.withRefresh(respond(token), next, session)}, nil
}

// sessionClaims applies the policy of today to a session of whenever: what it
// no longer allows is gone from the token, and a session of which nothing is
// left, or whose subject is out of reach, is over for this client.
func (i *Issuer) sessionClaims(client *clients.Client, session refresh.Session, r RefreshRequest) (signer.Claims, error) {
	if err := i.subject(client, session.Subject); err != nil {
		return signer.Claims{}, grantRefused(err)
	}
	scope, err := narrowScope(client, session.Scope, r.Scope)
	if err != nil {
		return signer.Claims{}, err
	}
	audience, err := narrowAudience(client, session.Audience, r.Audience)
	if err != nil {
		return signer.Claims{}, err
	}
	return signer.Claims{
		Subject: session.Subject, ClientID: client.ID, Audience: audience, Scope: scope,
		SessionID: session.SID, AuthTime: session.AuthTime,
	}, nil
}

// narrowScope is the requested part of the session's scope (RFC 6749 section 6).
func narrowScope(client *clients.Client, granted, requested string) (string, error) {
	have, err := clients.ParseScope(granted)
	if err != nil {
		return "", err
	}
	if requested != "" {
		want, err := clients.ParseScope(requested)
		if err != nil {
			return "", err
		}
		for _, name := range want {
			if !slices.Contains(have, name) {
				return "", refuse(InvalidScope, "the scope goes beyond that of the session")
			}
		}
		// Asked for by name, so a name that policy has taken back is an error.
		return client.Scope(strings.Join(want, " "))
	}
	kept := slices.DeleteFunc(have, func(name string) bool {
		_, err := client.Scope(name)
		return err != nil
	})
	if len(kept) == 0 && granted != "" {
		// To many a resource server a token without scope is one without limits.
		return "", grantRefused(nil)
	}
	return strings.Join(kept, " "), nil
}

func narrowAudience(client *clients.Client, granted, requested []string) ([]string, error) {
	if len(requested) > 0 {
		for _, name := range requested {
			if !slices.Contains(granted, name) {
				return nil, refuse(InvalidTarget, "the audience goes beyond that of the session")
			}
		}
		return client.Audience(requested)
	}
	kept := slices.DeleteFunc(slices.Clone(granted), func(name string) bool {
		return !slices.Contains(client.Audiences, name)
	})
	if len(kept) == 0 {
		return nil, grantRefused(nil)
	}
	return kept, nil
}
