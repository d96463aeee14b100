// Package pipelining lets callers who ask Redis at the same time share round
// trips (https://redis.io/docs/latest/develop/using-commands/pipelining/). Alone,
// each pays for a write and a read of a socket, and so does Redis: that is most
// of what a small command costs.
//
// Nobody waits for company: what comes while a round trip is on its way goes
// with the next one.
package pipelining

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config makes a Client.
type Config struct {
	// Redis; required. It must not send again by itself, or one caller's lost
	// answer would repeat the commands of all.
	Redis redis.UniversalClient
	// Logger; default slog.Default().
	Logger *slog.Logger
}

// Client sends commands. EVALSHA and what is given to Process share round trips,
// all else goes alone. It is safe for concurrent use.
//
// The commands of a cluster always go alone: its client splits a pipeline by
// node and waits for all of them, so that a dead node would hold up those who
// have nothing to do with it.
type Client struct {
	redis.Scripter

	redis  redis.UniversalClient
	shares bool
	log    *slog.Logger

	mu      sync.Mutex
	waiting []*call
	runners int
	begun   time.Time // the latest round trip
}

const (
	// most is how many commands share a round trip. More would save little, and
	// Redis serves nobody else meanwhile.
	most = 128
	// atOnce is how many round trips are on their way. The second keeps Redis busy
	// while the answers of the first are read, and goes on if a connection hangs;
	// more only makes them smaller.
	atOnce = 2
	// While nothing was sent for a stall, others go out beside them, up to so many:
	// connections that are dead without a word are each found out by whoever waits
	// in vain for an answer.
	stall         = 50 * time.Millisecond
	atOnceStalled = 8
)

// New makes a Client.
func New(c Config) *Client {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	_, shares := c.Redis.(*redis.Client)
	return &Client{Scripter: c.Redis, redis: c.Redis, shares: shares, log: c.Logger}
}

// call is what one caller wants to know.
type call struct {
	ctx  context.Context //nolint:containedctx // it waits in a queue, and is one function's argument
	cmds []redis.Cmder
	sent bool          // guarded by Client.mu
	done chan struct{} // closed when every command has its answer or error
}

// Process sends commands, in this order, and waits until each of them has an
// answer or an error of its own, which the caller must look at. Where a connection
// breaks all that shared it have that error, also those that were answered before.
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
	c.enqueue(own) //nolint:contextcheck // a round trip serves many callers, see latest
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
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		late = timer.C
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
	if !c.shares {
		return c.redis.EvalSha(ctx, sha1, keys, args...)
	}
	parts := make([]any, 0, 3+len(keys)+len(args))
	parts = append(parts, "evalsha", sha1, len(keys))
	for _, key := range keys {
		parts = append(parts, key)
	}
	cmd := redis.NewCmd(ctx, append(parts, args...)...)
	if err := c.Process(ctx, cmd); err != nil {
		left := redis.NewCmd(ctx)
		left.SetErr(err)
		return left
	}
	return cmd
}

func (c *Client) enqueue(own *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, own)
	if c.runners < atOnce || c.runners < atOnceStalled && time.Since(c.begun) > stall {
		c.runners++
		c.begun = time.Now()
		go c.run()
	}
}

// run makes one round trip after the other until nothing waits.
func (c *Client) run() {
	for {
		// Whoever is about to ask may do so first: under load that fills the round
		// trip, and on an idle machine nobody else is runnable.
		runtime.Gosched()
		calls := c.take()
		if len(calls) == 0 {
			return
		}
		c.send(calls)
	}
}

// take gives what goes next, those first who came first; if nothing waits, the
// runner ends. Nothing is sent for those who have left.
func (c *Client) take() (calls []*call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, total := 0, 0
	for ; n < len(c.waiting) && (total == 0 || total+len(c.waiting[n].cmds) <= most); n++ {
		if next := c.waiting[n]; next.ctx.Err() == nil {
			calls, total = append(calls, next), total+len(next.cmds)
			next.sent = true
		}
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
	if len(calls) == 0 {
		c.runners--
	} else {
		c.begun = time.Now()
	}
	return calls
}

// send makes one round trip. It takes as long as the most patient of its callers
// would wait; the others leave before.
func (c *Client) send(calls []*call) {
	cmds := calls[0].cmds
	if len(calls) > 1 {
		cmds = make([]redis.Cmder, 0, most)
		for _, own := range calls {
			cmds = append(cmds, own.cmds...)
		}
	}
	ctx, cancel := latest(calls)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("the redis client panicked", "panic", p, "stack", string(debug.Stack()))
			fail(cmds, fmt.Errorf("the redis client panicked: %v", p))
		}
		for _, own := range calls {
			close(own.done)
		}
	}()
	exchange(ctx, c.redis, cmds)
}

// exchange gives each command its answer or its error.
func exchange(ctx context.Context, client redis.UniversalClient, cmds []redis.Cmder) {
	if len(cmds) == 1 {
		_ = client.Process(ctx, cmds[0]) // it has the error, too
		return
	}
	pipe := client.Pipeline()
	_ = pipe.BatchProcess(ctx, cmds...) // only collects
	_, err := pipe.Exec(ctx)
	// An error that is the server's answer is one command's, and the others have
	// theirs; but not if it was the answer to opening the connection.
	if _, answer := errors.AsType[redis.Error](err); err != nil && (!answer || !slices.ContainsFunc(cmds, failed)) {
		fail(cmds, err)
	}
}

func failed(cmd redis.Cmder) bool { return cmd.Err() != nil }

// fail gives an error to those that have none.
func fail(cmds []redis.Cmder, err error) {
	for _, cmd := range cmds {
		if !failed(cmd) {
			cmd.SetErr(err)
		}
	}
}

// latest is a context that lasts as long as any of the callers' does. It carries
// no values: whose would they be?
func latest(calls []*call) (context.Context, context.CancelFunc) {
	var end time.Time
	for _, own := range calls {
		deadline, ok := own.ctx.Deadline()
		if !ok {
			return context.WithCancel(context.Background())
		}
		if deadline.After(end) {
			end = deadline
		}
	}
	return context.WithDeadline(context.Background(), end)
}
