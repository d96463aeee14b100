package vaultkeys

import (
	"context"
	"sync"
	"time"
)

// singleFlight lets one read of one key run at a time and keeps a floor between
// the starts of two: a thousand callers that find their version refused, or
// that present numbers which they made up, cost Vault one request each floor.
type singleFlight struct {
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
	started bool // under singleFlight.mu
	done    chan struct{}
	err     error // valid once done is closed
}

// join returns when a read has finished that ended after this call began. It
// never runs under the caller's deadline, only waits under it: one caller
// leaving must not fail the others.
func (s *singleFlight) join(ctx context.Context) error {
	s.mu.Lock()
	f := s.current
	if f == nil {
		f = s.launch(ctx)
	}
	s.mu.Unlock()
	return f.wait(ctx)
}

// fresh returns when a read has finished that started after this call began:
// what another replica did before this call is then known here.
func (s *singleFlight) fresh(ctx context.Context) error {
	for {
		s.mu.Lock()
		f := s.current
		joinable := f == nil || !f.started
		if f == nil {
			f = s.launch(ctx)
		}
		s.mu.Unlock()
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

// launch begins a flight. The caller holds s.mu.
func (s *singleFlight) launch(ctx context.Context) *flight {
	f := &flight{done: make(chan struct{})}
	s.current = f
	pause := time.Duration(0)
	if !s.last.IsZero() {
		// Clamped: an injected or stepping clock must not stretch the pause.
		pause = min(max(s.floor-s.now().Sub(s.last), 0), s.floor)
	}
	go s.fly(context.WithoutCancel(ctx), f, pause)
	return f
}

func (s *singleFlight) fly(ctx context.Context, f *flight, pause time.Duration) {
	if pause > 0 {
		time.Sleep(pause)
	}
	s.mu.Lock()
	f.started, s.last = true, s.now()
	s.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	f.err = s.read(ctx)

	s.mu.Lock()
	s.current = nil
	s.mu.Unlock()
	close(f.done)
}
