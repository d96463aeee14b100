package main

import (
	"context"
	"fmt"

	"signet/integration/bench/growth"
	"signet/integration/bench/replica"
)

// byReplicas has more and more replicas share one Vault and the same connections.
func (b *scaleBench) byReplicas(ctx context.Context, sizes scaleSizes) error {
	axis := &growth.Axis{Name: "replicas", Note: fmt.Sprintf("`client_credentials` over %d connections in total, spread evenly; CPU of Signet and idle figures are of all replicas together", mainLevel)}
	for _, n := range sizes.replicas {
		what := fmt.Sprintf("replicas: %d", n)
		err := b.serving(ctx, n, replica.Changes{}, func(starts) error {
			form, err := b.facing().forToken(ctx)
			if err != nil {
				return err
			}
			rounds, err := b.load(ctx, what, one(b.replicas[0].Public, form, accessToken), mainLevel)
			if err != nil {
				return err
			}
			idle, err := b.idleFor(ctx, what)
			if err != nil {
				return err
			}
			p := axis.At(n)
			b.costs(p, p.Cost, rounds)
			b.idleCosts(p, idle)
			p.Cost("idle: Redis commands/s", 1/b.idle.Seconds(), idle.commands)
			p.Cost("resident memory, MB", 1, signetMemory(rounds))
			return nil
		})
		if err != nil {
			return err
		}
	}
	b.done(axis)
	return nil
}

// costs are what each load is asked about; cost is p.Cost or p.Flat.
func (b *scaleBench) costs(p growth.Point, cost func(name string, resolution, value float64), rounds []loaded) {
	p.Value("tokens/s", median(rounds, func(l loaded) float64 { return l.rate }))
	p.Value("signatures in a request to Vault", median(rounds, func(l loaded) float64 { return l.batch }))
	cost("Vault, core-µs a token", cpuResolution, coreTime(rounds, vaultProcess))
	cost("Signet, core-µs a token", cpuResolution, coreTime(rounds, signetProcess))
	cost("Redis, core-µs a token", cpuResolution, coreTime(rounds, redisProcess))
	cost("Vault's audit log, bytes a token", 1, median(rounds, func(l loaded) float64 { return l.each.logBytes }))
	cost("issuance records, bytes a token", 1, median(rounds, func(l loaded) float64 { return l.each.recordings }))
}

func (b *scaleBench) idleCosts(p growth.Point, idle idling) {
	p.Cost("idle: Vault requests/s", 1/b.idle.Seconds(), idle.requests)
	p.Cost("idle: Signet, CPU ms/s", 0.1, idle.cpu)
}

// signetMemory is the most that all replicas had, in MB.
func signetMemory(rounds []loaded) float64 {
	return median(rounds, func(l loaded) float64 { return signetPeak(l.round) })
}
