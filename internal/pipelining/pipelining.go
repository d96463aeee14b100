// Package pipelining lets callers who ask Redis at the same time share round
// trips (https://redis.io/docs/latest/develop/using-commands/pipelining/). Alone,
// each pays for a write and a read of a socket, and so does Redis: that is most
// of what a small command costs.
//
// Nobody waits for company: what comes while a round trip is on its way goes
// with the next one. (go-redis' own AutoPipeline is experimental, and forgets a
// caller's deadline once his command is queued.)
package pipelining

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config makes a Client.
type Config struct {
	// Redis; required. With a client that sends again by itself (MaxRetries) callers
	// do not share, or one lost answer would repeat the commands of all.
	Redis redis.UniversalClient
	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Client sends commands. EVALSHA and what is given to Process share round trips,
// all else goes alone. It is safe for concurrent use.
//
// With a cluster callers never share: its client splits a pipeline by node and
// waits for all of them, so that a dead node would hold up those who have nothing
// to do with it.
type Client struct {
	redis.Scripter

	redis  redis.UniversalClient
	shares bool
	log    *slog.Logger

	mu      sync.Mutex
	waiting []*call
	runners int
	sent    time.Time // the latest round trip
}

// New makes a Client.
func New(c Config) *Client {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	single, ok := c.Redis.(*redis.Client)
	return &Client{Scripter: c.Redis, redis: c.Redis, shares: ok && single.Options().MaxRetries == 0, log: c.Logger}
}

// Process sends commands, in this order, and waits until each of them has an
// answer or an error of its own, which the caller must look at. Where a connection
// breaks, every command of the round trip that was not refused has that error, also
// those that were answered.
//
// Its own error is ctx's: nothing was sent, or the answer did not come in time.
// Then the commands belong to those who may still be sending them, and must not be
// looked at. What was sent is waited for until ctx's deadline even if ctx is
// canceled, as go-redis does: a caller who hangs up changes nothing about what is
// done with the answer.
func (c *Client) Process(ctx context.Context, cmds ...redis.Cmder) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // said above
	}
	if !c.shares {
		exchange(ctx, c.redis, cmds)
		return nil
	}
	own := &call{ctx: ctx, cmds: cmds, done: make(chan struct{})}
	c.enqueue(own) //nolint:contextcheck // a round trip serves many callers, see untilLast
	select {
	case <-own.done:
		return nil
	case <-ctx.Done():
		return c.leave(own)
	}
}

// leave is for a caller whose context is over.
func (c *Client) leave(own *call) error {
	c.mu.Lock()
	sent := own.sent
	c.mu.Unlock()
	if !sent { // and never will be
		return own.ctx.Err() //nolint:wrapcheck // see Process
	}
	var late <-chan time.Time
	if deadline, ok := own.ctx.Deadline(); ok {
		late = time.After(time.Until(deadline))
	}
	select {
	case <-own.done:
		return nil
	case <-late:
	}
	select {
	case <-own.done: // both at once: the answer is there
		return nil
	default:
		return own.ctx.Err() //nolint:wrapcheck // see Process
	}
}

// EvalSha runs a script (https://redis.io/docs/latest/commands/evalsha/), so that
// a redis.Script can use the Client.
func (c *Client) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	cmd := c.redis.Pipeline().EvalSha(ctx, sha1, keys, args...) // only makes it
	if err := c.Process(ctx, cmd); err != nil {
		left := redis.NewCmd(ctx)
		left.SetErr(err)
		return left
	}
	return cmd
}
