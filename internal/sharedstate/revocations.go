package sharedstate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const keyRevoked = "signet:revoked" // a hash: kid -> what is known of it

// Revocation is what is noted of a revoked kid, for people to read.
type Revocation struct {
	// Ring and Version are where the key was; 0 and empty if that was not known.
	Ring    string `json:"ring,omitempty"`
	Version int    `json:"version,omitempty"`
	// At is when it was revoked.
	At time.Time `json:"at,omitzero"`
}

// Revocations are the kids that are dead whatever Vault says, for ever: a
// restored backup of Vault may bring any of them back.
type Revocations struct{ client redis.UniversalClient }

// NewRevocations makes Revocations.
func NewRevocations(client redis.UniversalClient) *Revocations { return &Revocations{client: client} }

// Revoke puts a kid on the list. It may be repeated; the first note stays.
func (r *Revocations) Revoke(ctx context.Context, kid string, what Revocation) error {
	note, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("revoking a kid: %w", err)
	}
	if err := r.client.HSetNX(ctx, keyRevoked, kid, note).Err(); err != nil {
		return fmt.Errorf("%w: revoking a kid: %w", ErrUnavailable, err)
	}
	return nil
}

// List is the whole list, by kid. A note that cannot be read takes nobody off it.
func (r *Revocations) List(ctx context.Context) (map[string]Revocation, error) {
	notes, err := r.client.HGetAll(ctx, keyRevoked).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: reading the revoked kids: %w", ErrUnavailable, err)
	}
	list := make(map[string]Revocation, len(notes))
	for kid, note := range notes {
		var what Revocation
		if json.Unmarshal([]byte(note), &what) != nil {
			what = Revocation{}
		}
		list[kid] = what
	}
	return list, nil
}

// RevokedKIDs is the list without the notes: what a replica needs.
func (r *Revocations) RevokedKIDs(ctx context.Context) ([]string, error) {
	kids, err := r.client.HKeys(ctx, keyRevoked).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: reading the revoked kids: %w", ErrUnavailable, err)
	}
	return kids, nil
}

// RestoreRevoked puts a kid back that the list has lost, with what can still be
// said of it.
func (r *Revocations) RestoreRevoked(ctx context.Context, kid string) error {
	return r.Revoke(ctx, kid, Revocation{})
}
