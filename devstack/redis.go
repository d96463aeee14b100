package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"signet/devstack/stack"
)

// runRedis is an embedded Redis for machines without redis-server. It knows
// Lua, forgets everything at its end, and knows nothing of persistence.
func runRedis(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("devstack redis", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "127.0.0.1:6379", "address to listen on")
	if err := parse(flags, args); err != nil {
		return err
	}
	mini, err := stack.StartMiniredis(*addr)
	if err != nil {
		return fmt.Errorf("starting the embedded redis on %s: %w", *addr, err)
	}
	defer mini.Close()
	_, _ = fmt.Fprintf(stdout, "embedded Redis (miniredis): Ready to accept connections on %s\n", mini.Addr())
	<-ctx.Done()
	return nil
}
