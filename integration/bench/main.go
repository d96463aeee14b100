package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"signet/integration/bench/floor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 2 && os.Args[1] == floor.Argument {
		err = floor.Run(ctx, os.Stdin, os.Stdout)
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	if errors.Is(err, errMissed) {
		os.Exit(3) //nolint:gocritic // nothing is left to be stopped
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parseOptions(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var r results
	if o.has("audit") {
		// First, while this process is small.
		if r.Audit, err = benchAudit(ctx, o.auditMB, progress); err != nil {
			return err
		}
	}
	if o.only != "sessions" {
		if err := r.bench(ctx, o, progress); err != nil {
			return err
		}
	}
	if o.has("sessions") {
		if r.Sessions, err = benchSessions(ctx, sessionConfig{Redis: o.redis, Sessions: o.sessions, Refreshes: 10_000}, progress); err != nil {
			return err
		}
	}
	if err := r.write(out, o); err != nil {
		return err
	}
	return r.judge()
}

// bench measures what needs a Vault.
func (r *results) bench(ctx context.Context, o options, progress io.Writer) error {
	stack, err := startStack(ctx, progress)
	if err != nil {
		return err
	}
	defer stack.stop()
	if o.only == "scale" {
		r.Scale, err = benchScale(ctx, stack, o.scale(), progress)
		return err
	}
	if o.has("audit") {
		if r.Hashed, err = benchHashed(ctx, stack, o.tokens.length, progress); err != nil {
			return err
		}
	}
	if o.has("tokens") {
		if r.Tokens, err = benchTokens(ctx, stack, o.tokens, progress); err != nil {
			return err
		}
	}
	if o.has("records") {
		r.Records, err = benchRecords(ctx, stack, o.tokens.rounds, wholeSeconds(o.tokens.length), progress)
	}
	return err
}
