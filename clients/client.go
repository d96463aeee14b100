package clients

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/signer"
)

// What a caller acts on.
var (
	// ErrAuthentication: no client with that id and secret. It never says which
	// of the two was wrong.
	ErrAuthentication = errors.New("client authentication failed")
	// ErrTarget: an audience that the client may not ask for (RFC 8707 invalid_target).
	ErrTarget = errors.New("audience not allowed")
	// ErrScope: a malformed scope, or one that the client may not ask for (invalid_scope).
	ErrScope = errors.New("scope not allowed")
)

// Grant is a way to get a token.
type Grant string

// The grants. GrantIssue is POST /v1/tokens: a token for a subject that the
// client names.
const (
	GrantClientCredentials Grant = "client_credentials"
	GrantRefreshToken      Grant = "refresh_token"
	GrantIssue             Grant = "issue"
)

func grants() []Grant { return []Grant{GrantClientCredentials, GrantRefreshToken, GrantIssue} }

// SessionRight says whose sessions a client may list and end.
type SessionRight string

// The rights. Whatever it is, a client may end a session by its refresh token.
const (
	SessionsNone SessionRight = "none"
	// SessionsOwn are those that the client itself opened.
	SessionsOwn SessionRight = "own"
	SessionsAll SessionRight = "all"
)

// Client is one client and its policy. It is immutable and shared: read only.
type Client struct {
	ID string
	// Ring is the key ring that signs its tokens; empty means the first.
	Ring string
	// TTL is the life of its tokens; 0 means the configuration's tokens.ttl.
	TTL time.Duration
	// Introspect says whether it may ask about tokens.
	Introspect bool
	// Sessions says whose sessions it may list and end.
	Sessions SessionRight
	// Audiences are all that it may ask for, and for introspection those it is
	// itself; the first is the default.
	Audiences []string

	grants   []Grant
	subjects []glob
	scopes   []glob
	claims   []string
	secrets  secrets
}

// Allows reports whether the client may use the grant.
func (c *Client) Allows(g Grant) bool { return slices.Contains(c.grants, g) }

// maxSubject is RFC 7519's silence filled by OpenID Connect Core section 2.
const maxSubject = 255

// AllowsSubject reports whether the client may issue for the subject. Whether
// the subject is some client's id is for the caller to check: Registry.Lookup.
func (c *Client) AllowsSubject(subject string) bool {
	if subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) ||
		strings.ContainsFunc(subject, unicode.IsControl) {
		return false
	}
	return matchAny(c.subjects, subject)
}

// AllowsClaim reports whether the client may set the custom claim.
func (c *Client) AllowsClaim(name string) bool {
	return !registered(name) && slices.Contains(c.claims, name)
}

// registered are the claims that no policy can allow: those that Signet sets,
// those that repeat the header (RFC 7519 section 5.3), and those that would
// answer for Signet in an introspection (RFC 7662 section 2.2).
func registered(name string) bool {
	return signer.Registered(name) || slices.ContainsFunc([]string{"typ", "alg", "kid", "active", "token_type"},
		func(r string) bool { return strings.EqualFold(r, name) })
}
