package loadgen

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Open has requests arrive at a mean rate a second, independently of each other
// and of the answers, as those of many users do. A latency counts from when the
// request was due, so that a server that stalls is charged for all who waited
// meanwhile, those included for whom no connection was free (no coordinated
// omission). What was due within the window counts, whenever it was answered; the
// result's rate is of what was answered within it.
func Open(ctx context.Context, cfg Config, rate float64) (Result, error) {
	conns, hangUp, err := dial(ctx, cfg.Target, cfg.Connections, time.Now().Add(cfg.Warm+cfg.Length+patience))
	if err != nil {
		return Result{}, err
	}
	defer hangUp()
	w := cfg.open()
	arrivals := schedule(rand.New(rand.NewPCG(1, 2)), rate, cfg.Warm+cfg.Length) // the same for all
	due := make(chan time.Time, len(arrivals))
	go pace(ctx, w.start, arrivals, due)

	latencies, answers := make([][]time.Duration, len(conns)), make([]int, len(conns))
	err = together(ctx, conns, func() { cfg.edges(ctx, w) }, func(i int) (err error) {
		latencies[i], answers[i], err = conns[i].serve(due, w)
		return err
	})
	if err != nil {
		return Result{}, err
	}
	r := Result{Refused: refused(conns)}
	for _, n := range answers {
		r.Answers += n
	}
	r.Rate = float64(r.Answers) / cfg.Length.Seconds()
	return r, r.percentiles(slices.Concat(latencies...), cfg.Length)
}

// schedule is when requests are due, from the start: a Poisson process.
func schedule(random *rand.Rand, rate float64, length time.Duration) []time.Duration {
	mean := float64(time.Second) / rate
	var arrivals []time.Duration
	for at := random.ExpFloat64() * mean; at < float64(length); at += random.ExpFloat64() * mean {
		arrivals = append(arrivals, time.Duration(at))
	}
	return arrivals
}

// pace says when each is due. It sleeps in the kernel: Go's own timers may be a
// millisecond late on an idle machine.
func pace(ctx context.Context, start time.Time, arrivals []time.Duration, due chan<- time.Time) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(due)
	for _, offset := range arrivals {
		at := start.Add(offset)
		for wait := time.Until(at); wait > 0 && ctx.Err() == nil; wait = time.Until(at) {
			t := syscall.NsecToTimespec(wait.Nanoseconds())
			_ = syscall.Nanosleep(&t, nil) // a signal wakes it early: the loop sleeps on
		}
		if ctx.Err() != nil {
			return
		}
		due <- at // never waits: there is room for all
	}
}

// serve sends what is due and free for it, and returns how many of its answers
// came within the window.
func (c *conn) serve(due <-chan time.Time, w window) (latencies []time.Duration, answers int, err error) {
	for at := range due {
		request, err := c.prepare()
		if err == nil {
			err = c.exchange(request)
		}
		if err != nil {
			return nil, 0, err
		}
		done := time.Now()
		if w.has(done) {
			answers++
		}
		if w.has(at) {
			latencies = append(latencies, done.Sub(at))
		}
	}
	return latencies, answers, nil
}
