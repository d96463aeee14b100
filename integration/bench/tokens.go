package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"signet/integration/bench/floor"
	"signet/integration/bench/loadgen"
)

// tokenConfig says how much to measure.
type tokenConfig struct {
	levels []int
	rounds int
	length time.Duration
	// quick is for rounds that are too short for some targets.
	quick bool
}

// round is one measurement of a round. Of a series whose answers have several
// signatures, rate and CPU time count signatures, latencies answers.
type round struct {
	rate, p50, p99, p999 float64            // a second, ns
	cpu                  map[string]float64 // of each process, µs each
	peak                 map[string]int64   // bytes
	refused              float64            // of all answers, those with 503
}

// mostRefused is the part of the answers that may be 503: on a machine that does
// something else too there may be some, but a measurement of them means nothing.
const mostRefused = 0.05

// tokenBench measures Signet beside Vault itself, beside a key in memory, and
// beside a document that never changes.
type tokenBench struct {
	tokenConfig
	stack    *stack
	watch    *watch
	series   map[string]series
	measured map[at][]round
	progress io.Writer
}

// benchTokens measures everything of the plan, then arrivals at fixed rates.
func benchTokens(ctx context.Context, s *stack, cfg tokenConfig, progress io.Writer) (*tokenResult, error) {
	document, err := s.jwks(ctx)
	if err != nil {
		return nil, err
	}
	beside, err := floor.Start(document)
	if err != nil {
		return nil, err
	}
	defer beside.Stop()
	b := &tokenBench{tokenConfig: cfg, stack: s, watch: watchAll(s.cmd.Process.Pid, beside.PID()), measured: map[at][]round{}, progress: progress}
	if b.series, err = allSeries(ctx, s, beside.Addr); err != nil {
		return nil, err
	}
	return b.run(ctx)
}

func (b *tokenBench) run(ctx context.Context) (*tokenResult, error) {
	began := b.watch.read()
	stored, err := b.stack.redisUse(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range plan(b.levels) {
		turns := func() error { return b.takeTurns(ctx, g.members) }
		if g.clear {
			err = b.stack.inTheClear(ctx, turns)
		} else {
			err = turns()
		}
		if err != nil {
			return nil, err
		}
	}
	open, err := b.openLoop(ctx)
	if err != nil {
		return nil, err
	}
	return b.result(ctx, open, began, stored)
}

// takeTurns measures each member in each round.
func (b *tokenBench) takeTurns(ctx context.Context, members []at) error {
	for i := range b.rounds {
		_, _ = fmt.Fprintf(b.progress, "%s and %d more at %d connections, round %d of %d\n",
			members[0].series, len(members)-1, members[0].connections, i+1, b.rounds)
		for _, a := range members {
			r, err := b.measure(ctx, a, 0)
			if err != nil {
				return err
			}
			b.measured[a] = append(b.measured[a], r)
		}
		if err := b.stack.emptyLogs(); err != nil {
			return err
		}
	}
	return nil
}

// measure is one round: a closed loop, or with a rate that many arrivals a second.
func (b *tokenBench) measure(ctx context.Context, a at, rate float64) (round, error) {
	s := b.series[a.series]
	caller, err := s.begin(ctx)
	if err != nil {
		return round{}, err
	}
	length := b.length
	if a.series == lists {
		length *= 2 // so few end in a round that one more or less would show
	}
	var edges []use
	cfg := loadgen.Config{
		Target: loadgen.Target{Addr: s.addr, NewCaller: caller}, Connections: a.connections,
		Warm: length / 5, Length: length, Edge: func() { edges = append(edges, b.watch.read()) },
	}
	b.watch.resetPeaks()
	var r loadgen.Result
	if rate > 0 {
		r, err = loadgen.Open(ctx, cfg, rate)
	} else {
		r, err = loadgen.Closed(ctx, cfg)
	}
	if err != nil {
		return round{}, fmt.Errorf("%s at %d connections: %w", a.series, a.connections, err)
	}
	out := newRound(r, s.each, edges)
	if out.refused > mostRefused {
		return round{}, fmt.Errorf("%s at %d connections: %.0f %% of the answers were 503", a.series, a.connections, 100*out.refused)
	}
	return out, nil
}

// newRound shares CPU time out to what was done.
func newRound(r loadgen.Result, each int, edges []use) round {
	out := round{
		rate: r.Rate * float64(each), p50: float64(r.P50), p99: float64(r.P99), p999: float64(r.P999),
		cpu: map[string]float64{}, peak: map[string]int64{}, refused: float64(r.Refused) / float64(r.Refused+r.Answers),
	}
	from, to := edges[0], edges[len(edges)-1]
	for name, cpu := range spent(from, to) {
		out.cpu[name] = float64(cpu.Microseconds()) / float64(r.Answers*each)
	}
	for name, u := range to {
		out.peak[name] = u.Peak
	}
	return out
}
