package main

import (
	"context"
	"fmt"
	"runtime"
)

// tokenResult is the section of tokens.
type tokenResult struct {
	CPUs  int    `json:"cpus"`
	Go    string `json:"go"`
	Quick bool   `json:"quick,omitempty"`
	// Note says what this machine does not tell.
	Note      string       `json:"note,omitempty"`
	Rows      []row        `json:"rows"`
	Open      []openRow    `json:"arrivals,omitempty"`
	Verdicts  []verdict    `json:"targets"`
	Processes []processRow `json:"processes,omitempty"`
	Redis     *redisRow    `json:"redis,omitempty"`
}

// row is what one series gave at one number of connections.
type row struct {
	Series      string `json:"series"`
	Connections int    `json:"connections"`
	level       int    // of its group
	Rate        spread `json:"per_second"`
	P50         spread `json:"p50_ns"`
	P99         spread `json:"p99_ns"`
	P999        spread `json:"p999_ns"`
	// CPU is of each process, in µs of a core for one signature or document.
	CPU map[string]spread `json:"cpu_us_each"`
	// Refused is the part of the answers that were 503, in the worst round.
	Refused float64 `json:"refused"`
	// Peak is the most memory that Signet had, in bytes.
	Peak int64 `json:"signet_peak_bytes,omitempty"`
}

// processRow is what a process used in the whole run.
type processRow struct {
	Name string  `json:"name"`
	CPU  float64 `json:"cpu_seconds"`
	Peak int64   `json:"peak_bytes"`
}

func (b *tokenBench) result(ctx context.Context, open []openRow, began use, stored redisRow) (*tokenResult, error) {
	r := &tokenResult{
		CPUs: runtime.NumCPU(), Go: runtime.Version(), Quick: b.quick, Note: b.watch.note,
		Open: open, Verdicts: judge(targets, b.measured, b.quick), Processes: b.processRows(began),
	}
	for _, group := range plan(b.levels) {
		for _, a := range group.members {
			row := newRow(a, b.measured[a])
			row.level = group.members[0].connections
			r.Rows = append(r.Rows, row)
		}
	}
	now, err := b.stack.redisUse(ctx)
	if err != nil {
		return nil, fmt.Errorf("what Redis holds at the end: %w", err)
	}
	if now.Bytes > 0 {
		r.Redis = &redisRow{Keys: now.Keys - stored.Keys, Bytes: now.Bytes - stored.Bytes}
	}
	return r, nil
}

func newRow(a at, rounds []round) row {
	r := row{
		Series: a.series, Connections: a.connections, Rate: spreadBy(rounds, rateOf),
		P50: spreadBy(rounds, p50Of), P99: spreadBy(rounds, p99Of), P999: spreadBy(rounds, p999Of),
		CPU: map[string]spread{},
	}
	for name := range rounds[0].cpu {
		r.CPU[name] = spreadBy(rounds, func(r round) float64 { return r.cpu[name] })
	}
	for _, one := range rounds {
		r.Peak, r.Refused = max(r.Peak, one.peak[signetProcess]), max(r.Refused, one.refused)
	}
	return r
}

func (b *tokenBench) processRows(began use) []processRow {
	cpu := spent(began, b.watch.read())
	var rows []processRow
	for _, name := range processes {
		if _, ok := cpu[name]; !ok {
			continue
		}
		p := processRow{Name: name, CPU: cpu[name].Seconds()}
		for _, rounds := range b.measured {
			for _, r := range rounds {
				p.Peak = max(p.Peak, r.peak[name])
			}
		}
		rows = append(rows, p)
	}
	return rows
}
