package loadgen

import (
	"context"
	"sync"
	"time"
)

// Config is one run.
type Config struct {
	Target      Target
	Connections int
	// Nothing is counted for Warm, then all for Length.
	Warm, Length time.Duration
	// Edge is called when the window begins and when it ends, to read there what
	// processes have used; nil calls nothing.
	Edge func()
}

// window is when answers count.
type window struct{ start, from, to time.Time }

func (c *Config) open() window {
	now := time.Now()
	return window{now, now.Add(c.Warm), now.Add(c.Warm + c.Length)}
}

func (w window) has(at time.Time) bool { return at.After(w.from) && !at.After(w.to) }

// edges waits for both ends of the window.
func (c *Config) edges(ctx context.Context, w window) {
	for _, at := range []time.Time{w.from, w.to} {
		timer := time.NewTimer(time.Until(at))
		select {
		case <-timer.C:
			if c.Edge != nil {
				c.Edge()
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Closed has each connection send its next request when it has the answer to
// the last. What is finished within the window counts, whenever it began.
func Closed(ctx context.Context, cfg Config) (Result, error) {
	conns, hangUp, err := dial(ctx, cfg.Target, cfg.Connections, time.Now().Add(cfg.Warm+cfg.Length+patience))
	if err != nil {
		return Result{}, err
	}
	defer hangUp()
	w := cfg.open()
	latencies := make([][]time.Duration, len(conns))
	err = together(ctx, conns, func() { cfg.edges(ctx, w) }, func(i int) (err error) {
		latencies[i], err = conns[i].loop(w)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	r, err := Summarise(latencies, cfg.Length)
	r.Refused = refused(conns)
	return r, err
}

func (c *conn) loop(w window) ([]time.Duration, error) {
	var latencies []time.Duration
	for {
		request, err := c.prepare()
		if err != nil {
			return nil, err
		}
		began := time.Now()
		if err := c.exchange(request); err != nil {
			return nil, err
		}
		done := time.Now()
		if w.has(done) {
			latencies = append(latencies, done.Sub(began))
		} else if done.After(w.to) {
			return latencies, nil
		}
	}
}

// together runs every connection's work beside something else, to the end of all.
func together(ctx context.Context, conns []*conn, beside func(), work func(i int) error) error {
	errs := make([]error, len(conns))
	var workers sync.WaitGroup
	for i := range conns {
		workers.Go(func() { errs[i] = work(i) })
	}
	beside()
	workers.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err // one says enough: the others failed by the same
		}
	}
	return nil
}

func refused(conns []*conn) int {
	n := 0
	for _, c := range conns {
		n += c.refused
	}
	return n
}
