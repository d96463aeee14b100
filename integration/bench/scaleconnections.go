package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"signet/integration/bench/growth"
	"signet/integration/bench/replica"
)

const (
	// askingClients are those that the connections are of: one alone may fill a
	// quarter of the signing queue, and beyond it gets 503.
	askingClients = 16
	// spareFiles are what this process opens besides connections.
	spareFiles = 128
)

// byConnections has more and more connections ask one replica, and then one of each
// kind of request.
func (b *scaleBench) byConnections(ctx context.Context, sizes scaleSizes) error {
	axis := &growth.Axis{Name: "connections", Note: fmt.Sprintf("`client_credentials` of %d clients in turn at one replica", askingClients)}
	file, err := b.newClientsFile(askingClients)
	if err != nil {
		return err
	}
	levels, note := affordable(sizes.connections)
	axis.Note += note
	err = b.serving(ctx, 1, replica.Changes{Clients: file.path}, func(starts) error {
		requests, err := file.requests(ctx)
		if err != nil {
			return err
		}
		s := tokensInTurn(b.replicas[0].Public, requests)
		for _, n := range levels {
			rounds, err := b.load(ctx, fmt.Sprintf("connections: %d", n), s, n)
			if err != nil {
				return err
			}
			p := axis.At(n)
			b.costs(p, p.Cost, rounds)
			p.Cost("p50, ms", 0.01, median(rounds, halfTime))
			p.Cost("p99, ms", 0.01, median(rounds, tailTime))
			p.Cost("resident memory, MB", 1, signetMemory(rounds))
			p.Value("answers that were 503, %", 100*median(rounds, func(l loaded) float64 { return l.refused }))
		}
		return b.kinds(ctx)
	})
	b.done(axis)
	return err
}

func halfTime(l loaded) float64 { return milliseconds(time.Duration(l.p50)) }
func tailTime(l loaded) float64 { return milliseconds(time.Duration(l.p99)) }

// affordable are the numbers of connections for which this process may open files.
func affordable(levels []int) (some []int, note string) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return levels, ""
	}
	for _, n := range levels {
		if uint64(n)+spareFiles > limit.Cur {
			return some, fmt.Sprintf("; no more, for `ulimit -n` is %d", limit.Cur)
		}
		some = append(some, n)
	}
	return some, ""
}
