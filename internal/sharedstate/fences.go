package sharedstate

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed fence.lua
var fenceSource string

const keyFence = "signet:fence:" // ring; a hash: min_encryption_version -> since when, in ms

// Fences remembers since when a ring's min_encryption_version has stood at or
// above a value, for commands that run once and cannot watch it. A keeper does
// not rely on it: it watches by itself.
type Fences struct {
	client redis.UniversalClient
	script *redis.Script
}

// NewFences makes Fences.
func NewFences(client redis.UniversalClient) *Fences {
	return &Fences{client: client, script: redis.NewScript(fenceSource)}
}

// See notes that a ring's min_encryption_version was seen at a value, at a time
// (in whole milliseconds, rounded up: it never seems to have stood for longer).
func (f *Fences) See(ctx context.Context, ring string, minEncryption int, now time.Time) error {
	ms := strconv.FormatInt(now.Add(time.Millisecond-1).UnixMilli(), 10)
	if err := f.script.Run(ctx, f.client, []string{keyFence + ring}, strconv.Itoa(minEncryption), ms).Err(); err != nil {
		return fmt.Errorf("%w: noting the fence of a ring: %w", ErrUnavailable, err)
	}
	return nil
}

// Since is when the fence was first seen at or above a version without having
// been seen lower since. It reports false if it was not seen there.
func (f *Fences) Since(ctx context.Context, ring string, version int) (at time.Time, ok bool, err error) {
	notes, err := f.client.HGetAll(ctx, keyFence+ring).Result()
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%w: asking since when a fence stands: %w", ErrUnavailable, err)
	}
	for text, since := range notes {
		value, valueErr := strconv.Atoi(text)
		ms, msErr := strconv.ParseInt(since, 10, 64)
		if valueErr != nil || msErr != nil || value < version {
			continue
		}
		if seen := time.UnixMilli(ms); !ok || seen.Before(at) {
			at, ok = seen, true
		}
	}
	return at, ok, nil
}
