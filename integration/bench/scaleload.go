package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"signet/integration/bench/loadgen"
	"signet/integration/bench/procstat"
)

// cpuResolution is what is told apart from nothing of a process that a request does
// not ask, and that does something now and then all the same: µs of a core.
const cpuResolution = 1

// counters are what has been counted until now, by all replicas together, by Redis
// and by the files.
type counters struct {
	answers              float64 // requests that were served
	requests             float64 // to Vault
	signatures, batches  float64 // asked of it
	redisWork                    // of Redis
	logBytes, recordings float64 // of Vault's audit log; of the records, in bytes
}

func (c counters) since(before counters) counters {
	return counters{
		c.answers - before.answers, c.requests - before.requests, c.signatures - before.signatures, c.batches - before.batches,
		c.redisWork.since(before.redisWork), c.logBytes - before.logBytes, c.recordings - before.recordings,
	}
}

func (b *scaleBench) count(ctx context.Context) (c counters, err error) {
	for _, r := range b.replicas {
		m, err := r.Metrics(ctx)
		if err != nil {
			return c, err
		}
		c.answers += m.Sum("signet_http_requests_total", `status="200"`)
		c.requests += m.Sum("signet_vault_requests_total", "")
		c.signatures += m.Sum("signet_sign_batch_size_sum", "")
		c.batches += m.Sum("signet_sign_batch_size_count", "")
		info, err := os.Stat(r.Records)
		if err != nil {
			return c, fmt.Errorf("looking at the records: %w", err)
		}
		c.recordings += float64(info.Size())
	}
	info, err := os.Stat(b.stack.env["SIGNET_VAULT_LOG"])
	if err != nil {
		return c, fmt.Errorf("looking at Vault's audit log: %w", err)
	}
	c.logBytes = float64(info.Size())
	c.redisWork, err = redisDone(ctx, b.redis)
	return c, err
}

// use is what the processes have used, all replicas as one.
func (b *scaleBench) use() use {
	now := b.watch.read()
	var all procstat.Usage
	for _, r := range b.replicas {
		if u, err := procstat.Read(r.PID()); err == nil {
			all = procstat.Usage{CPU: all.CPU + u.CPU, Resident: all.Resident + u.Resident, Peak: all.Peak + u.Peak}
		}
	}
	now[signetProcess] = all
	return now
}

// loaded is a round, and what an answer in it took besides.
type loaded struct {
	round

	each  counters // of one answer
	batch float64  // signatures in a request to Vault
}

// load measures some rounds of a series at all replicas.
func (b *scaleBench) load(ctx context.Context, what string, s series, connections int) ([]loaded, error) {
	var rounds []loaded
	for i := range b.rounds {
		b.say("%s, round %d of %d", what, i+1, b.rounds)
		r, err := b.loadOnce(ctx, s, connections)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		rounds = append(rounds, r)
	}
	return rounds, nil
}

func (b *scaleBench) loadOnce(ctx context.Context, s series, connections int) (loaded, error) {
	caller, err := s.begin(ctx)
	if err != nil {
		return loaded{}, err
	}
	for _, r := range b.replicas {
		_ = procstat.ResetPeak(r.PID())
	}
	target := loadgen.Target{Addr: s.addr, NewCaller: caller}
	asked := s.addr == b.replicas[0].Public // and not Vault itself
	if asked {
		for _, r := range b.replicas[1:] {
			target.Others = append(target.Others, r.Public)
		}
	}
	var edges []use
	before, err := b.count(ctx)
	if err != nil {
		return loaded{}, err
	}
	r, err := loadgen.Closed(ctx, loadgen.Config{
		Target: target, Connections: connections, Warm: b.length / 5, Length: b.length,
		Edge: func() { edges = append(edges, b.use()) },
	})
	if err != nil {
		return loaded{}, err
	}
	after, err := b.count(ctx)
	if !asked {
		return loaded{round: newRound(r, s.each, edges)}, err
	}
	if err != nil {
		return loaded{}, err
	}
	return newLoaded(newRound(r, s.each, edges), after.since(before))
}

// newLoaded shares out what was counted, from before the round to after it, to the
// answers of that time. Redis tells its CPU time more finely than Linux does. It is an
// error if nothing was counted, as of a metric under another name: costs of nothing
// would never miss.
func newLoaded(r round, total counters) (loaded, error) {
	n := total.answers
	if n <= 0 {
		return loaded{}, errors.New("the replicas have counted no answers")
	}
	l := loaded{round: r}
	if total.batches > 0 {
		l.batch = total.signatures / total.batches
	}
	l.each = counters{
		1, total.requests / n, total.signatures / n, total.batches / n,
		redisWork{total.commands / n, total.roundTrips / n, total.cpu / n},
		total.logBytes / n, total.recordings / n,
	}
	l.cpu[redisProcess] = l.each.cpu
	return l, nil
}

func median(rounds []loaded, figure func(loaded) float64) float64 {
	return spreadBy(rounds, figure).Median
}

// coreTime is the median of a process's CPU time, in µs.
func coreTime(rounds []loaded, process string) float64 {
	return median(rounds, func(l loaded) float64 { return l.cpu[process] })
}

// idling is what all replicas together do when nobody asks them for anything.
type idling struct{ requests, commands, cpu float64 } // a second; cpu in ms

// idleFor waits until what the load left behind is done, and then looks.
func (b *scaleBench) idleFor(ctx context.Context, what string) (idling, error) {
	b.say("%s, idle for %s", what, b.idle)
	if err := pause(ctx, time.Second); err != nil {
		return idling{}, err
	}
	began := time.Now()
	before, err := b.count(ctx)
	if err != nil {
		return idling{}, err
	}
	used, err := b.cpuTime()
	if err != nil {
		return idling{}, err
	}
	if err := pause(ctx, b.idle); err != nil {
		return idling{}, err
	}
	now, err := b.cpuTime() // before the questions, which cost some too
	if err != nil {
		return idling{}, err
	}
	after, err := b.count(ctx)
	if err != nil {
		return idling{}, err
	}
	seconds, total := time.Since(began).Seconds(), after.since(before)
	return idling{
		requests: total.requests / seconds,
		commands: (total.commands - 1) / seconds, // the question itself is one
		cpu:      milliseconds(now-used) / seconds,
	}, nil
}

// cpuTime is that of all replicas, by their clocks.
func (b *scaleBench) cpuTime() (all time.Duration, err error) {
	for _, r := range b.replicas {
		t, err := procstat.CPUTime(r.PID())
		if err != nil {
			return 0, err
		}
		all += t
	}
	return all, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
