package sharedstate

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

const keyKIDs = "signet:kids:" // ring; a hash: version -> kid

// KIDs remembers the kid of each version of a ring for whoever cannot learn it
// from Vault any more: that of a fenced HS256 version, and those of a key that
// was replaced.
type KIDs struct{ client redis.UniversalClient }

// NewKIDs makes KIDs.
func NewKIDs(client redis.UniversalClient) *KIDs { return &KIDs{client: client} }

// Remember notes a version's kid. The last note counts: version numbers are
// used again after a key was deleted or restored. An empty kid takes a note back.
func (k *KIDs) Remember(ctx context.Context, ring string, version int, kid string) error {
	if err := k.client.HSet(ctx, keyKIDs+ring, strconv.Itoa(version), kid).Err(); err != nil {
		return fmt.Errorf("%w: remembering a kid: %w", ErrUnavailable, err)
	}
	return nil
}

// Recall is what was noted of a ring, by version. What is no version number is
// left out.
func (k *KIDs) Recall(ctx context.Context, ring string) (map[int]string, error) {
	notes, err := k.client.HGetAll(ctx, keyKIDs+ring).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: recalling the kids of a ring: %w", ErrUnavailable, err)
	}
	kids := make(map[int]string, len(notes))
	for text, kid := range notes {
		if version, err := strconv.Atoi(text); err == nil && version > 0 && kid != "" {
			kids[version] = kid
		}
	}
	return kids, nil
}
