package pipelining

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// send makes one round trip. It takes as long as the most patient of its callers
// would wait; the others leave before.
func (c *Client) send(calls []*call) {
	cmds := calls[0].cmds
	if len(calls) > 1 {
		cmds = make([]redis.Cmder, 0, batchMax)
		for _, own := range calls {
			cmds = append(cmds, own.cmds...)
		}
	}
	ctx, cancel := untilLast(calls)
	defer cancel()
	defer time.AfterFunc(stall, c.help).Stop()
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

// untilLast is a context that lasts as long as any of the callers' does. It carries
// no values: whose would they be?
func untilLast(calls []*call) (context.Context, context.CancelFunc) {
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
