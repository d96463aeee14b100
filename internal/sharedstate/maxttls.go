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

//go:embed maxttl.lua
var maxTTLSource string

const keyMaxTTL = "signet:maxttl:" // ring

// maxTTLWindow is how long a report counts: the hard cap of max_ttl. A token of
// a replica that stopped reporting is over by then.
const maxTTLWindow = 12 * time.Hour

// MaxTTLs are the max_ttl that replicas sign with, ring by ring. They differ
// while a change of the configuration is rolled out.
type MaxTTLs struct {
	client redis.UniversalClient
	script *redis.Script
}

// NewMaxTTLs makes MaxTTLs.
func NewMaxTTLs(client redis.UniversalClient) *MaxTTLs {
	return &MaxTTLs{client: client, script: redis.NewScript(maxTTLSource)}
}

// Report says that a replica may sign for a ring tokens that live for ttl. To
// be repeated at least every few minutes while it may, and always before the
// first token: what nobody reported is not waited for.
func (m *MaxTTLs) Report(ctx context.Context, ring string, ttl time.Duration) error {
	// Rounded up: nobody must wait less than the token lives.
	ms := (ttl + time.Millisecond - 1).Milliseconds()
	if _, err := m.run(ctx, ring, strconv.FormatInt(ms, 10)); err != nil {
		return fmt.Errorf("%w: reporting max_ttl: %w", ErrUnavailable, err)
	}
	return nil
}

// ReportAll reports for several rings, by name.
func (m *MaxTTLs) ReportAll(ctx context.Context, ttls map[string]time.Duration) error {
	var errs []error
	for ring, ttl := range ttls {
		errs = append(errs, m.Report(ctx, ring, ttl))
	}
	return errors.Join(errs...)
}

// Largest is the largest that was reported for a ring within the last 12h; 0
// means that none was.
func (m *MaxTTLs) Largest(ctx context.Context, ring string) (time.Duration, error) {
	d, err := m.run(ctx, ring, "")
	if err != nil {
		return 0, fmt.Errorf("%w: asking for the largest max_ttl: %w", ErrUnavailable, err)
	}
	return d, nil
}

func (m *MaxTTLs) run(ctx context.Context, ring, report string) (time.Duration, error) {
	window := strconv.FormatInt(maxTTLWindow.Milliseconds(), 10)
	ms, err := m.script.Run(ctx, m.client, []string{keyMaxTTL + ring}, window, report).Int64()
	// What is beyond the cap no replica reported, and it might not fit a Duration.
	return time.Duration(min(ms, maxTTLWindow.Milliseconds())) * time.Millisecond, err
}
