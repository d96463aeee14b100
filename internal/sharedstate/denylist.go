package sharedstate

import (
	"context"
	_ "embed" // the script
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/pipelining"
	"signet/internal/replicated"
)

//go:embed deny.lua
var denySource string

const keyDenied = "signet:jti:"

// Denylist holds the ids of access tokens that were revoked one by one, each
// until its token would have expired.
type Denylist struct {
	pipelined *pipelining.Client // every introspection asks
	durable   *replicated.Writer
	deny      *redis.Script
}

// NewDenylist makes a Denylist whose denials count once so many replicas of
// Redis have them. A nil logger means slog.Default().
func NewDenylist(client redis.UniversalClient, replicas int, logger *slog.Logger) *Denylist {
	return &Denylist{
		pipelined: pipelining.New(pipelining.Config{Redis: client, Logger: logger}), deny: redis.NewScript(denySource),
		durable: replicated.New(replicated.Config{Redis: client, Replicas: replicas}),
	}
}

// Deny denies a token id for so long: until the token's exp, and what clocks may
// differ. It is a length of time and no end, because Redis' clock is another
// than the caller's. 0 and less is a token that is over, which needs no denial.
// It may be repeated, and never shortens an earlier denial.
func (d *Denylist) Deny(ctx context.Context, jti string, life time.Duration) error {
	if life <= 0 {
		return nil
	}
	// Rounded up: a denial must not end before its token.
	ms := strconv.FormatInt((life + time.Millisecond - 1).Milliseconds(), 10)
	if err := d.durable.Run(ctx, d.deny, []string{keyDenied + jti}, ms).Err(); err != nil {
		return fmt.Errorf("%w: denying a token: %w", ErrUnavailable, err)
	}
	return nil
}

// Denied reports whether a token id is denied. If Redis cannot be asked, that
// is an error and never a no.
func (d *Denylist) Denied(ctx context.Context, jti string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, ioTimeout)
	defer cancel()
	asked := redis.NewIntCmd(ctx, "exists", keyDenied+jti)
	err := d.pipelined.Process(ctx, asked)
	if err == nil {
		err = asked.Err()
	}
	if err != nil {
		return false, fmt.Errorf("%w: asking for a denied token: %w", ErrUnavailable, err)
	}
	return asked.Val() > 0, nil
}
