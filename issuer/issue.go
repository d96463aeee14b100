package issuer

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// Limits of what a caller may put into a token or a session.
const (
	// MaxClaims is the size of all custom claims together, names and values, in bytes.
	MaxClaims = 4 << 10
	// MaxLabel is the length of a session's label, in characters.
	MaxLabel = 64
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
	response, err := i.clientCredentials(ctx, client, r)
	return response, i.metrics.done("client_credentials", err)
}

func (i *Issuer) clientCredentials(ctx context.Context, client *clients.Client, r ClientCredentialsRequest) (*Response, error) {
	if err := needs(client, clients.GrantClientCredentials); err != nil {
		return nil, err
	}
	claims, err := policyClaims(client, client.ID, r.Scope, r.Audience)
	if err != nil {
		return nil, err
	}
	ring, err := i.ring(client, "")
	if err != nil {
		return nil, err
	}
	ttl, err := i.ttl(client, ring, 0)
	if err != nil {
		return nil, err
	}
	claims.IssuedAt = i.Now()
	claims.Expiry = claims.IssuedAt.Add(ttl)
	token, err := i.sign(ctx, ring, claims)
	if err != nil {
		return nil, err
	}
	i.metrics.issued.WithLabelValues("client_credentials", ring).Inc()
	return respond(token), nil
}

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
	response, err := i.issue(ctx, client, r)
	return response, i.metrics.done("issue", err)
}

func (i *Issuer) issue(ctx context.Context, client *clients.Client, r IssueRequest) (*Response, error) {
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
	ring, err := i.ring(client, r.Ring)
	if err != nil {
		return nil, err
	}
	ttl, err := i.ttl(client, ring, r.TTL)
	if err != nil {
		return nil, err
	}
	if !r.Refresh {
		claims.IssuedAt = i.Now()
		claims.Expiry = claims.IssuedAt.Add(ttl)
		token, err := i.sign(ctx, ring, claims)
		if err != nil {
			return nil, err
		}
		i.metrics.issued.WithLabelValues("issue", ring).Inc()
		return respond(token), nil
	}
	return i.openSession(ctx, ring, claims, ttl, r.Label)
}

func (i *Issuer) openSession(ctx context.Context, ring string, claims signer.Claims, ttl time.Duration, label string) (*Response, error) {
	family, err := refresh.NewFamily(i.Rand)
	if err != nil {
		return nil, err
	}
	now := i.Now()
	// The session begins with the login itself: the caller has just
	// authenticated the subject.
	ends := now.Add(i.SessionLife)
	claims.SessionID, claims.AuthTime = family.SID(), now
	claims.IssuedAt, claims.Expiry = now, earlier(now.Add(ttl), ends)
	token, err := i.sign(ctx, ring, claims)
	if err != nil {
		return nil, err
	}
	next, session, err := i.Refresher.Create(ctx, family, refresh.Session{
		ClientID: claims.ClientID, Subject: claims.Subject, Scope: claims.Scope, Audience: claims.Audience,
		Label: label, AuthTime: now, ExpiresAt: ends,
	})
	if err != nil {
		return nil, err
	}
	i.metrics.issued.WithLabelValues("issue", ring).Inc()
	return i.withRefresh(respond(token), next, session), nil
}

func (i *Issuer) withRefresh(r *Response, token string, session refresh.Session) *Response {
	r.RefreshToken = token
	r.RefreshExpiresIn = max(0, session.IdleExpiresAt.Sub(i.Now()).Truncate(time.Second))
	return r
}

// policyClaims are subject, audience and scope as the client's policy allows them.
func policyClaims(client *clients.Client, subject, scope string, audience []string) (signer.Claims, error) {
	aud, err := client.Audience(audience)
	if err != nil {
		return signer.Claims{}, err
	}
	granted, err := client.Scope(scope)
	if err != nil {
		return signer.Claims{}, err
	}
	return signer.Claims{Subject: subject, ClientID: client.ID, Audience: aud, Scope: granted}, nil
}

func customClaims(client *clients.Client, custom map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	size := 0
	for name, value := range custom {
		if size += len(name) + len(value); size > MaxClaims {
			return nil, refuse(InvalidRequest, "the claims are larger than %d bytes", MaxClaims)
		}
	}
	if err := signer.CheckCustom(custom); err != nil {
		return nil, err
	}
	for name := range custom {
		if !client.AllowsClaim(name) {
			return nil, refuse(AccessDenied, "this client may not set one of the claims")
		}
	}
	return custom, nil
}

// checkLabel keeps labels fit for a list that a person reads in a terminal.
func checkLabel(r IssueRequest) error {
	switch {
	case r.Label == "":
		return nil
	case !r.Refresh:
		return refuse(InvalidRequest, "label needs refresh: true, for it names the session")
	case !utf8.ValidString(r.Label), utf8.RuneCountInString(r.Label) > MaxLabel,
		strings.ContainsFunc(r.Label, func(c rune) bool { return !unicode.IsPrint(c) }):
		return refuse(InvalidRequest, "label must be at most %d printable characters", MaxLabel)
	default:
		return nil
	}
}

// sign makes the token, whose iat and exp the caller has counted from one look
// at the clock, its last before the signature: two looks with the end of a
// second between them would leave nothing of a token of one second.
func (i *Issuer) sign(ctx context.Context, ring string, claims signer.Claims) (signer.Token, error) {
	id, err := tokenID(i.Rand)
	if err != nil {
		return signer.Token{}, err
	}
	claims.ID = id
	return i.Signer.Sign(ctx, ring, claims)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
