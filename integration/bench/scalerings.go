package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"

	"signet/integration/bench/growth"
	"signet/integration/bench/replica"
)

// stackRings are in every policy besides.
const stackRings = 4

// byRings has more and more rings, over which all tokens are spread.
func (b *scaleBench) byRings(ctx context.Context, sizes scaleSizes) error {
	axis := &growth.Axis{Name: "rings", Note: fmt.Sprintf("`POST /v1/tokens` over %d connections, all rings in turn, ES256; the issuer's policy has these rings and the %d of the stack, and Vault reads it for each request", mainLevel, stackRings)}
	var names []string
	for i := range slices.Max(sizes.rings) {
		names = append(names, fmt.Sprintf("scale-%02d", i+1))
	}
	for _, n := range sizes.rings {
		what := fmt.Sprintf("rings: %d", n)
		if err := b.makeRings(ctx, names[:n]); err != nil {
			return err
		}
		err := b.serving(ctx, 1, replica.Changes{Rings: names[:n]}, func(last starts) error {
			var requests [][]byte
			for _, name := range names[:n] {
				request, err := b.facing().toSignet(ctx, "/v1/tokens", map[string]string{"subject": "user:alice", "ring": name})
				if err != nil {
					return err
				}
				requests = append(requests, request)
			}
			s := tokensInTurn(b.replicas[0].Public, requests)
			rounds, err := b.load(ctx, what, s, mainLevel)
			if err != nil {
				return err
			}
			idle, err := b.idleFor(ctx, what)
			if err != nil {
				return err
			}
			document, err := b.facing().jwks(ctx)
			if err != nil {
				return err
			}
			p := axis.At(n)
			b.costs(p, p.Cost, rounds)
			b.idleCosts(p, idle)
			p.Cost("JWK set, bytes", 1, float64(len(document)))
			p.Cost("until ready, ms", 1, milliseconds(last.ready))
			// Paths to ask about times the length of the policy: known to grow with the
			// square, once a start and in the background, so it is told and not judged.
			p.Value("until its look at its rights is done, ms", milliseconds(last.checked))
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

// makeRings is the operator's step after adding rings, with the operator's token.
func (b *scaleBench) makeRings(ctx context.Context, names []string) error {
	b.say("signet vault init for %d rings", len(names))
	c, err := b.next(replica.Changes{Rings: names, Keep: true})
	if err != nil {
		return err
	}
	path, err := replica.Write(c)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, c.Binary, "vault", "init", "--config", path)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+b.stack.env["VAULT_ADDR"], "VAULT_TOKEN="+b.stack.env["VAULT_TOKEN"])
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("signet vault init: %w\n%s", err, out)
	}
	return nil
}
