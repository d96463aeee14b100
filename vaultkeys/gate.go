package vaultkeys

import (
	"context"
	"sync"
	"time"
)

// gate lets one read of one key run at a time and keeps a floor between the
// starts of two: a thousand callers that find their version refused, or that
// present numbers which they made up, cost Vault one request each floor.
type gate struct {
	floor   time.Duration
	timeout time.Duration
	now     func() time.Time
	read    func(ctx context.Context) error

	mu      sync.Mutex
	current *flight
	last    time.Time // start of the last read
}

// flight is one read: first waiting for the floor, then under way, then done.
type flight struct {
	started bool // under gate.mu
	done    chan struct{}
	err     error // valid once done is closed
}

// join returns when a read has finished that ended after this call began. It
// never runs under the caller's deadline, only waits under it: one caller
// leaving must not fail the others.
func (g *gate) join(ctx context.Context) error {
	g.mu.Lock()
	f := g.current
	if f == nil {
		f = g.launch(ctx)
	}
	g.mu.Unlock()
	return f.wait(ctx)
}

// fresh returns when a read has finished that started after this call began:
// what another replica did before this call is then known here.
func (g *gate) fresh(ctx context.Context) error {
	for {
		g.mu.Lock()
		f := g.current
		joinable := f == nil || !f.started
		if f == nil {
			f = g.launch(ctx)
		}
		g.mu.Unlock()
		err := f.wait(ctx)
		if joinable || ctx.Err() != nil {
			return err
		}
	}
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// launch begins a flight. The caller holds g.mu.
func (g *gate) launch(ctx context.Context) *flight {
	f := &flight{done: make(chan struct{})}
	g.current = f
	pause := time.Duration(0)
	if !g.last.IsZero() {
		// Clamped: an injected or stepping clock must not stretch the pause.
		pause = min(max(g.floor-g.now().Sub(g.last), 0), g.floor)
	}
	go g.fly(context.WithoutCancel(ctx), f, pause)
	return f
}

func (g *gate) fly(ctx context.Context, f *flight, pause time.Duration) {
	if pause > 0 {
		time.Sleep(pause)
	}
	g.mu.Lock()
	f.started, g.last = true, g.now()
	g.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	f.err = g.read(ctx)

	g.mu.Lock()
	g.current = nil
	g.mu.Unlock()
	close(f.done)
}
