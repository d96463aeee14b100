package issuer

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/clients"
	"signet/signer"
)

// Limits of what a caller may put into a token or a session.
const (
	// MaxClaims is the size of all custom claims together, names and values, in bytes.
	MaxClaims = 4 << 10
	// MaxLabel is the length of a session's label, in characters.
	MaxLabel = 64
)

// needs is the first question of each use case that gives a token.
func needs(client *clients.Client, grant clients.Grant) error {
	if client.Allows(grant) {
		return nil
	}
	return refuse(UnauthorizedClient, "this client may not use the grant %s", grant)
}

// terms are which key ring signs and how long the token lives.
func (i *Issuer) terms(client *clients.Client, requestedRing string, requestedTTL time.Duration) (ring string, ttl time.Duration, err error) {
	if ring, err = i.ring(client, requestedRing); err != nil {
		return "", 0, err
	}
	ttl, err = i.ttl(client, ring, requestedTTL)
	return ring, ttl, err
}

// ring is the key ring that signs. A client whose policy names one has no
// choice; any other may choose, and gets the default if it does not.
func (i *Issuer) ring(client *clients.Client, requested string) (string, error) {
	allowed := client.Ring
	if allowed == "" {
		allowed = i.cfg.DefaultRing
		if _, known := i.cfg.Rings[requested]; known {
			allowed = requested
		}
	}
	if requested != "" && requested != allowed {
		return "", refuse(AccessDenied, "this client may not use the key ring that was requested")
	}
	return allowed, nil
}

// ttl is how long the token lives. Who asks for more than it may have is told
// so: a token that ends earlier than its owner believes is an outage later. The
// policy's own ttl is the limit where it has one, the ring's max_ttl always.
func (i *Issuer) ttl(client *clients.Client, ring string, requested time.Duration) (time.Duration, error) {
	limit := i.cfg.Rings[ring]
	if client.TTL != 0 {
		limit = min(limit, client.TTL)
	}
	switch {
	case requested == 0 && client.TTL != 0:
		return limit, nil
	case requested == 0:
		return min(i.cfg.DefaultTTL, limit), nil
	case requested < time.Second:
		return 0, refuse(InvalidRequest, "ttl must be at least 1s")
	case requested > limit:
		return 0, refuse(InvalidRequest, "ttl is longer than the %s that this client may have", limit)
	default:
		return requested, nil
	}
}

// subject refuses whom the client may not issue for, and, whatever the policy
// says, every client's id: for a resource server `sub` = a client id means that
// service (RFC 9068 section 5).
func (i *Issuer) subject(client *clients.Client, subject string) error {
	if subject == "" {
		return refuse(InvalidRequest, "subject is missing")
	}
	if _, isClient := i.cfg.Clients.Lookup(subject); isClient {
		return refuse(AccessDenied, "the subject is the id of a client")
	}
	if !client.AllowsSubject(subject) {
		return refuse(AccessDenied, "this client may not issue tokens for this subject")
	}
	return nil
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
