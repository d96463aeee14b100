package issuer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// IssueRequest asks for a token for a subject that the client has authenticated.
type IssueRequest struct {
	// Subject is required; all else has a default in the policy.
	Subject  string
	Audience []string
	Scope    string
	// Claims are custom claims, name to JSON value.
	Claims map[string]json.RawMessage
	// TTL of the access token; 0 for the policy's.
	TTL time.Duration
	// Ring is a key ring; empty for the policy's.
	Ring string
	// Refresh opens a session and gives a refresh token with it.
	Refresh bool
	// Label is what a person calls the session, such as "Firefox on Linux".
	Label string
}

// Issue gives an access token for a subject, and with Refresh a refresh token.
// The access token is signed first: a Vault that is down must not leave a
// session behind that nobody holds.
func (i *Issuer) Issue(ctx context.Context, client *clients.Client, r IssueRequest) (*Response, error) {
	m, err := i.issue(ctx, client, r)
	return i.done(clients.GrantIssue, m, err)
}

func (i *Issuer) issue(ctx context.Context, client *clients.Client, r IssueRequest) (*made, error) {
	if err := needs(client, clients.GrantIssue); err != nil {
		return nil, err
	}
	if r.Refresh {
		if err := needs(client, clients.GrantRefreshToken); err != nil {
			return nil, err
		}
	}
	if err := checkLabel(r); err != nil {
		return nil, err
	}
	if err := i.subject(client, r.Subject); err != nil {
		return nil, err
	}
	claims, err := policyClaims(client, r.Subject, r.Scope, r.Audience)
	if err != nil {
		return nil, err
	}
	if claims.Custom, err = customClaims(client, r.Claims); err != nil {
		return nil, err
	}
	ring, ttl, err := i.terms(client, r.Ring, r.TTL)
	if err != nil {
		return nil, err
	}
	if !r.Refresh {
		return i.single(ctx, clients.GrantIssue, ring, ttl, claims)
	}
	return i.openSession(ctx, ring, claims, ttl, r.Label)
}

// made is a token that is signed, and the answer with it that nobody has yet.
type made struct {
	token    signer.Token
	ring     string
	response *Response
}

// done turns what a use case made, or its error, into the caller's answer, counted.
func (i *Issuer) done(grant clients.Grant, m *made, err error) (*Response, error) {
	if err != nil {
		return nil, i.metrics.done(string(grant), err)
	}
	i.metrics.count(grant, m.ring)
	i.cfg.Usage.Issued(m.token.Key)
	return m.response, nil
}

func (i *Issuer) openSession(ctx context.Context, ring string, claims signer.Claims, ttl time.Duration, label string) (*made, error) {
	family, err := refresh.NewFamily(i.cfg.Rand)
	if err != nil {
		return nil, err
	}
	now := i.cfg.Now()
	// The session begins with the login itself: the caller has just
	// authenticated the subject.
	ends := now.Add(i.cfg.SessionLife)
	claims.SessionID, claims.AuthTime = family.SID(), now
	claims.IssuedAt, claims.Expiry = now, earlier(now.Add(ttl), ends)
	token, err := i.sign(ctx, ring, claims, signer.Origin{Grant: string(clients.GrantIssue)})
	if err != nil {
		return nil, err
	}
	err = ErrPanic
	defer i.withheldFor(ctx, token, &err)
	next, session, err := i.cfg.Refresher.Create(ctx, family, refresh.Session{
		ClientID: claims.ClientID, Subject: claims.Subject, Scope: claims.Scope, Audience: claims.Audience,
		Label: label, AuthTime: now, ExpiresAt: ends,
	})
	if err != nil {
		return nil, err
	}
	return &made{token, ring, i.withRefresh(respond(token), next, session)}, nil
}

func (i *Issuer) withRefresh(r *Response, token string, session refresh.Session) *Response {
	r.RefreshToken = token
	r.RefreshExpiresIn = max(0, session.IdleExpiresAt.Sub(i.cfg.Now()).Truncate(time.Second))
	return r
}

// single gives a token that belongs to no session.
func (i *Issuer) single(ctx context.Context, grant clients.Grant, ring string, ttl time.Duration, claims signer.Claims) (*made, error) {
	claims.IssuedAt = i.cfg.Now()
	claims.Expiry = claims.IssuedAt.Add(ttl)
	token, err := i.sign(ctx, ring, claims, signer.Origin{Grant: string(grant)})
	if err != nil {
		return nil, err
	}
	return &made{token, ring, respond(token)}, nil
}

// sign makes the token, whose iat and exp the caller has counted from one look
// at the clock, its last before the signature: two looks with the end of a
// second between them would leave nothing of a token of one second.
func (i *Issuer) sign(ctx context.Context, ring string, claims signer.Claims, origin signer.Origin) (signer.Token, error) {
	id, err := tokenID(i.cfg.Rand)
	if err != nil {
		return signer.Token{}, err
	}
	claims.ID = id
	caller := callerOf(ctx)
	origin.Auth, origin.Remote, origin.TraceID = caller.Auth, caller.Remote, caller.TraceID
	return i.cfg.Signer.Sign(ctx, ring, claims, origin)
}

// tokenID is a jti: 128 random bits, but for those that would make it begin with
// a dash: people give jtis to commands, which would take it for a flag.
func tokenID(random io.Reader) (string, error) {
	for {
		var b [16]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return "", fmt.Errorf("making a token id: %w", err)
		}
		var id [22]byte
		if base64.RawURLEncoding.Encode(id[:], b[:]); id[0] != '-' {
			return string(id[:]), nil
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
