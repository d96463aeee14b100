package signer

import (
	"context"
	"errors"
	"fmt"
)

// rereads is how often a ring without any version that may sign is read again
// for one caller. Refresh keeps a floor of a fifth of a second between two reads.
const rereads = 8

// choose is the key that signs now. A ring of which nothing may sign has just
// lost its last version to a revocation, as a rule, and whoever revoked it is
// adding the next one: the caller waits a moment for it, rather than until the
// ring is read again by itself.
func choose(ctx context.Context, keys Keys, ring string) (Key, error) {
	key, err := keys.SigningKey(ring)
	for range rereads {
		if !errors.Is(err, ErrNoVersion) {
			break
		}
		if failed := keys.Refresh(ctx, ring); failed != nil {
			err = fmt.Errorf("%w: reading the ring again: %w", err, failed)
			break
		}
		key, err = keys.SigningKey(ring)
	}
	if err != nil {
		return Key{}, fmt.Errorf("choosing a key of %s: %w", ring, err)
	}
	return key, nil
}
