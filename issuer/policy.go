package issuer

import (
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"signet/clients"
)

// needs is the first question of each use case that gives a token.
func needs(client *clients.Client, grant clients.Grant) error {
	if client.Allows(grant) {
		return nil
	}
	return refuse(UnauthorizedClient, "this client may not use the grant %s", grant)
}

// ring is the key ring that signs. A client whose policy names one has no
// choice; any other may choose, and gets the default if it does not.
func (i *Issuer) ring(client *clients.Client, requested string) (string, error) {
	allowed := client.Ring
	if allowed == "" {
		allowed = i.DefaultRing
		if _, known := i.Rings[requested]; known {
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
	limit := i.Rings[ring]
	if client.TTL != 0 {
		limit = min(limit, client.TTL)
	}
	switch {
	case requested == 0 && client.TTL != 0:
		return limit, nil
	case requested == 0:
		return min(i.DefaultTTL, limit), nil
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
	if _, isClient := i.Clients.Lookup(subject); isClient {
		return refuse(AccessDenied, "the subject is the id of a client")
	}
	if !client.AllowsSubject(subject) {
		return refuse(AccessDenied, "this client may not issue tokens for this subject")
	}
	return nil
}

// tokenID is a jti: 128 random bits.
func tokenID(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("making a token id: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
