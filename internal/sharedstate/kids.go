package sharedstate

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	keyKIDs = "signet:kids:" // ring; a hash: version -> kid, version + proofField -> proof
	// proofField follows a version number; no version number ends like this.
	proofField = ".proof"
)

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

// RememberProof notes by what a version's kid can be checked, as any text. The
// last note counts.
func (k *KIDs) RememberProof(ctx context.Context, ring string, version int, proof string) error {
	if err := k.client.HSet(ctx, keyKIDs+ring, strconv.Itoa(version)+proofField, proof).Err(); err != nil {
		return fmt.Errorf("%w: remembering the proof of a kid: %w", ErrUnavailable, err)
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
	for field, kid := range notes {
		note(kids, field, kid)
	}
	return kids, nil
}

// RecallProofs are the proofs that were noted of a ring, by version. They are
// as they were found: whoever writes Redis writes them.
func (k *KIDs) RecallProofs(ctx context.Context, ring string) (map[int]string, error) {
	notes, err := k.client.HGetAll(ctx, keyKIDs+ring).Result()
	if err != nil {
		return nil, fmt.Errorf("%w: recalling the proofs of a ring's kids: %w", ErrUnavailable, err)
	}
	proofs := map[int]string{}
	for field, proof := range notes {
		if number, ok := strings.CutSuffix(field, proofField); ok {
			note(proofs, number, proof)
		}
	}
	return proofs, nil
}

func note(all map[int]string, number, text string) {
	if version, err := strconv.Atoi(number); err == nil && version > 0 && text != "" {
		all[version] = text
	}
}
