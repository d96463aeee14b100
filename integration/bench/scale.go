package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/integration/bench/growth"
	"signet/integration/bench/replica"
)

// scaleConfig says how much to measure.
type scaleConfig struct {
	rounds int
	// length of a round under load, idle of a look at who has nothing to do.
	length, idle time.Duration
	sessions     int // the most that are stored
	quick        bool
}

// scaleSizes are what grows, and to what.
type scaleSizes struct{ replicas, clients, rings, connections []int }

// sizes: all that one deployment is meant for. A clients file takes about twice as
// many clients.
func (c *scaleConfig) sizes() scaleSizes {
	if c.quick {
		return scaleSizes{[]int{1, 4}, []int{10, 1000}, []int{1, 10}, []int{1, 32, mainLevel}}
	}
	return scaleSizes{[]int{1, 2, 4, 8}, []int{10, 100, 1000, 10_000}, []int{1, 5, 10, 50}, []int{1, 8, 32, mainLevel, highLevel, 1000, 2000}}
}

// scaleResult is the section of scale.
type scaleResult struct {
	CPUs  int            `json:"cpus"`
	Go    string         `json:"go"`
	Axes  []*growth.Axis `json:"axes"`
	Units []unit         `json:"units"`
}

// scaleBench measures what a unit of work costs as one thing grows and everything
// else stays. The replicas are its own: the stack's is paused meanwhile.
type scaleBench struct {
	scaleConfig
	stack    *stack
	signet   string // path of the binary
	dir      string
	watch    *watch
	redis    *redis.Client
	replicas []*replica.Replica // that run now
	started  int
	progress io.Writer
	result   scaleResult
}

// benchScale measures all axes. The figures of one are of no use to another, so each
// is a run of its own.
func benchScale(ctx context.Context, s *stack, cfg scaleConfig, progress io.Writer) (_ *scaleResult, err error) {
	w := watchAll(s.cmd.Process.Pid, 0)
	if w.note != "" {
		return nil, fmt.Errorf("what grows is CPU time and memory: %s", w.note)
	}
	first := w.pids[signetProcess]
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("pausing the stack's own Signet, which would ask for things too: %w", err)
	}
	defer func() { err = errors.Join(err, syscall.Kill(first, syscall.SIGCONT)) }() // or it would not hear of the end
	b, err := newScaleBench(s, w, "bin/signet", cfg, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.redis.Close()) }()
	// Rings come last: with them the issuer's policy grows.
	for _, axis := range []func(context.Context, scaleSizes) error{b.byConnections, b.byReplicas, b.byClients, b.bySessions, b.byRings} {
		if err := axis(ctx, cfg.sizes()); err != nil {
			return nil, err
		}
	}
	return &b.result, nil
}

// newScaleBench watches all that w does but Signet and the floor: replicas are read
// one by one while they run.
func newScaleBench(s *stack, w *watch, signet string, cfg scaleConfig, progress io.Writer) (*scaleBench, error) {
	delete(w.pids, signetProcess)
	delete(w.pids, floorProcess)
	b := &scaleBench{
		scaleConfig: cfg, stack: s, signet: signet, dir: filepath.Join(s.dir, "scale"), watch: w, progress: progress,
		redis:  redis.NewClient(&redis.Options{Addr: s.host("REDIS_URL")}),
		result: scaleResult{CPUs: runtime.NumCPU(), Go: runtime.Version()},
	}
	if err := os.MkdirAll(b.clientsDir(), 0o700); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	return b, nil
}

// done is the end of an axis.
func (b *scaleBench) done(a *growth.Axis) {
	a.Judge(!b.quick)
	b.result.Axes = append(b.result.Axes, a)
}

func (b *scaleBench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, "scale: "+format+"\n", args...)
}

// clientsDir has nothing else in it: a replica looks at its clients file whenever a
// file beside it is written.
func (b *scaleBench) clientsDir() string { return filepath.Join(b.dir, "clients") }

// starts is how long after its start the last replica was ready, and had looked at
// its rights in Vault.
type starts struct{ ready, checked time.Duration }

// serving runs replicas with the same changes until do has returned.
func (b *scaleBench) serving(ctx context.Context, count int, changes replica.Changes, do func(starts) error) (err error) {
	if err := b.stack.emptyLogs(); err != nil {
		return err
	}
	defer func() {
		for _, r := range b.replicas {
			err = errors.Join(err, r.Stop(), os.Remove(r.Records))
		}
		b.replicas = nil
	}()
	for range count {
		c, err := b.next(changes)
		if err != nil {
			return err
		}
		r, err := replica.Start(c)
		if err != nil {
			return err
		}
		b.replicas = append(b.replicas, r)
	}
	var last starts
	for _, r := range b.replicas {
		ready, err := r.Ready(ctx)
		if err != nil {
			return err
		}
		last.ready = max(last.ready, ready)
	}
	for _, r := range b.replicas {
		checked, err := r.Checked(ctx)
		if err != nil {
			return err
		}
		last.checked = max(last.checked, checked)
	}
	return do(last)
}

// next is the configuration of one more replica.
func (b *scaleBench) next(changes replica.Changes) (replica.Config, error) {
	b.started++
	public, ops, err := twoPorts()
	name := fmt.Sprintf("scale-%d", b.started)
	c := replica.Config{Binary: b.signet, Original: b.stack.env["SIGNET_CONFIG"], Dir: b.dir, Changes: changes}
	c.Name, c.Records = name, filepath.Join(b.dir, name+".jsonl")
	c.Public, c.Ops = net.JoinHostPort("127.0.0.1", public), net.JoinHostPort("127.0.0.1", ops)
	return c, err
}

// facing is the stack as those see it who ask the first replica.
func (b *scaleBench) facing() *stack {
	return b.stack.with(map[string]string{"SIGNET_URL": "http://" + b.replicas[0].Public})
}
