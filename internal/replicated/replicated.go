// Package replicated writes to Redis and waits until replicas have it too, for
// what must not be lost with the primary: revocations.
//
// It does not make Redis consistent (a replica that never acknowledged may be
// promoted all the same), it makes "done" mean "on so many machines".
package replicated

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrNotReplicated means that the primary has the write, and too few replicas
// do. The write may be repeated: it must be one that writes again, since
// replicas acknowledge what was written, not what is there.
var ErrNotReplicated = errors.New("too few replicas have the write")

// Config makes a Writer.
type Config struct {
	// Redis; required.
	Redis redis.UniversalClient
	// Replicas is how many of them must have a write; 0 waits for none.
	Replicas int
	// Timeout is how long to wait for them. It must be less than the read timeout
	// of the client, or a slow replica looks like a broken connection; 0 means 200ms.
	Timeout time.Duration
}

// Writer runs scripts that write.
type Writer struct{ cfg Config }

// New makes a Writer.
func New(c Config) *Writer {
	if c.Timeout == 0 {
		c.Timeout = 200 * time.Millisecond
	}
	return &Writer{cfg: c}
}

// Run executes a script whose keys are all in one slot, and waits. Its error is
// ErrNotReplicated if too few replicas acknowledged.
//
// WAIT speaks of the connection that it comes through
// (https://redis.io/docs/latest/commands/wait/), so both go through one, and
// the script as EVAL: a NOSCRIPT would have written nothing, and WAIT would
// call that replicated.
func (w *Writer) Run(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	if w.cfg.Replicas == 0 {
		return script.Run(ctx, w.cfg.Redis, keys, args...)
	}
	cluster, isCluster := w.cfg.Redis.(*redis.ClusterClient)
	if !isCluster {
		return w.run(ctx, w.cfg.Redis.Pipeline(), script, keys, args)
	}
	return w.runInCluster(ctx, cluster, script, keys, args)
}

// run goes through one connection, in what a pipeline begins with.
func (w *Writer) run(ctx context.Context, pipe redis.Pipeliner, script *redis.Script, keys []string, args []any) *redis.Cmd {
	cmd := script.Eval(ctx, pipe, keys, args...)
	wait := pipe.Do(ctx, "WAIT", w.cfg.Replicas, w.cfg.Timeout.Milliseconds())
	_, _ = pipe.Exec(ctx) // both are asked
	if cmd.Err() != nil {
		return cmd
	}
	if got, err := wait.Int64(); err != nil {
		cmd.SetErr(fmt.Errorf("waiting for replicas: %w", err))
	} else if got < int64(w.cfg.Replicas) {
		cmd.SetErr(fmt.Errorf("%w: %d of %d within %s", ErrNotReplicated, got, w.cfg.Replicas, w.cfg.Timeout))
	}
	return cmd
}
