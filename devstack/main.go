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
)

const usage = `usage: devstack [run] [-data DIR] [-signet PATH]
       devstack server -dev [-dev-root-token-id ID] [-dev-listen-address ADDR] [-storage DIR [-raft]] [-log-level LEVEL]
       devstack redis [-addr ADDR]

Each command has -h.
`

// errUsage is wrapped around whatever is wrong with the command line.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once, and its children with it
	code := exitCode(run(ctx, os.Args[1:], os.Stdout, os.Stderr), os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	// hashicorp/vault's image takes both `server -dev` and `vault server -dev`.
	if len(args) > 0 && args[0] == "vault" {
		args = args[1:]
	}
	if len(args) == 0 || args[0] != "" && args[0][0] == '-' {
		args = append([]string{"run"}, args...)
	}
	switch name, rest := args[0], args[1:]; name {
	case "run":
		return runStack(ctx, rest, stdout, stderr)
	case "server":
		return runVault(ctx, rest, stdout, stderr)
	case "redis":
		return runRedis(ctx, rest, stdout, stderr)
	default:
		return fmt.Errorf("%w: no command %q\n%s", errUsage, name, usage)
	}
}

// exitCode is Signet's: 0 done, 1 failed, 2 wrong usage.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		_, _ = fmt.Fprintln(stderr, err)
		return 2
	default:
		_, _ = fmt.Fprintln(stderr, "devstack:", err)
		return 1
	}
}

// parse parses flags and refuses what is left over: a forgotten dash must not
// silently become the default.
func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, flags.Arg(0))
	}
	return nil
}

func envOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}
