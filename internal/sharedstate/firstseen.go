package sharedstate

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const keySeen = "signet:seen:" // name:version

// FirstSeen remembers, without end, when something with a version number was
// first seen: what Vault does not tell of hmac keys.
type FirstSeen struct{ client redis.UniversalClient }

// NewFirstSeen makes a FirstSeen.
func NewFirstSeen(client redis.UniversalClient) *FirstSeen { return &FirstSeen{client: client} }

// FirstSeen stores now (in whole milliseconds) for the name and version if
// nothing is stored yet, and returns what is stored.
func (s *FirstSeen) FirstSeen(ctx context.Context, name string, version int, now time.Time) (time.Time, error) {
	key := keySeen + name + ":" + strconv.Itoa(version)
	fail := func(err error) (time.Time, error) {
		return time.Time{}, fmt.Errorf("%w: remembering when version %d was first seen: %w", ErrUnavailable, version, err)
	}
	// redis.Nil says that there was one before.
	err := s.client.SetArgs(ctx, key, now.UnixMilli(), redis.SetArgs{Mode: "NX"}).Err()
	if err != nil && !errors.Is(err, redis.Nil) {
		return fail(err)
	}
	ms, err := s.client.Get(ctx, key).Int64()
	if err != nil {
		return fail(err)
	}
	return time.UnixMilli(ms), nil
}
