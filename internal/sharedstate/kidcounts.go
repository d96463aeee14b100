package sharedstate

import (
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed kidcount.lua
var kidCountSource string

const keyKID = "signet:kid:" // kid; a hash of counts and times

// kidCountsKept is how long a kid that nobody meets is remembered: a key's
// longest life of two years, and a month to look back.
const kidCountsKept = (17520 + 720) * time.Hour

// KIDUse is how often a kid was met, and when last.
type KIDUse struct {
	// Issued are tokens signed, Introspected tokens asked about, Fetched answers
	// with a JWK set that had the kid in it.
	Issued, Introspected, Fetched int64
	// LastIssued and LastIntrospected are zero for never. Whole milliseconds.
	LastIssued, LastIntrospected time.Time
}

// KIDCounts adds up what all replicas counted for each kid.
type KIDCounts struct {
	client redis.UniversalClient
	script *redis.Script
}

// NewKIDCounts makes KIDCounts.
func NewKIDCounts(client redis.UniversalClient) *KIDCounts {
	return &KIDCounts{client: client, script: redis.NewScript(kidCountSource)}
}

// Add adds what a replica counted since it last did; of the times the later
// ones stay.
func (c *KIDCounts) Add(ctx context.Context, kid string, delta KIDUse) error {
	args := []any{
		kidCountsKept.Milliseconds(), delta.Issued, delta.Introspected, delta.Fetched,
		millis(delta.LastIssued), millis(delta.LastIntrospected),
	}
	if err := c.script.Run(ctx, c.client, []string{keyKID + kid}, args...).Err(); err != nil {
		return fmt.Errorf("%w: counting a kid: %w", ErrUnavailable, err)
	}
	return nil
}

// Read is what was counted for some kids; one that was never met is left out.
func (c *KIDCounts) Read(ctx context.Context, kids ...string) (map[string]KIDUse, error) {
	out := make(map[string]KIDUse, len(kids))
	for _, kid := range kids { // one by one: in a cluster each is in a slot of its own
		fields, err := c.client.HGetAll(ctx, keyKID+kid).Result()
		if err != nil {
			return nil, fmt.Errorf("%w: reading the counts of a kid: %w", ErrUnavailable, err)
		}
		if len(fields) == 0 {
			continue
		}
		use, err := parseKIDUse(fields)
		if err != nil {
			return nil, fmt.Errorf("reading the counts of kid %s: %w", kid, err)
		}
		out[kid] = use
	}
	return out, nil
}

func parseKIDUse(fields map[string]string) (KIDUse, error) {
	var errs []error
	number := func(name string) int64 {
		text, ok := fields[name]
		if !ok {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		return n
	}
	moment := func(name string) time.Time {
		if ms := number(name); ms > 0 {
			return time.UnixMilli(ms)
		}
		return time.Time{}
	}
	use := KIDUse{
		Issued: number("issued"), Introspected: number("introspected"), Fetched: number("fetched"),
		LastIssued: moment("last_issued"), LastIntrospected: moment("last_introspected"),
	}
	return use, errors.Join(errs...)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
