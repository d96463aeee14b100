package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3 // a check found something
)

// errFound is for a check that did its work and found something.
var errFound = errors.New("violations found")

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr))
}

// untilSignal ends with the first SIGINT or SIGTERM; a second one ends the
// program at once. The handler is gone before the context ends, so that no
// second signal, however soon, is taken for the first. (signal.NotifyContext
// swallows one that comes before its stop is called.)
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals)
		cancel()
	}()
	return ctx
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCommand() //nolint:contextcheck // cobra hands the context of ExecuteContext to each command
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		_, _ = fmt.Fprintln(stderr, err)
		return exitFound
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintf(stderr, "signet: %v\n", err)
		return exitUsage
	default:
		_, _ = fmt.Fprintf(stderr, "signet: %v\n", err)
		return exitFailed
	}
}
