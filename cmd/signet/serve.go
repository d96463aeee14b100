package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"signet/clients"
	"signet/config"
	"signet/httpapi"
	"signet/internal/sharedwrite"
)

func newServeCommand() *cobra.Command {
	var path, level string
	var check bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve tokens",
		Long: `Serve tokens.

Vault or Redis being unreachable is no reason to end: the service stays up, not
ready, and retries. A key in Vault that does not fit the configuration is: exit
code 1, and the message names the command that repairs it.

--check reads configuration, clients, secrets and certificates, lists every
violation with its line and a remedy, and ends: exit code 0 if there are none, 3
if there are.`,
		Example: `  signet serve --config signet.yaml --check
  signet serve --config signet.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, flush, err := newLogger(cmd.ErrOrStderr(), level)
			if err != nil {
				return err
			}
			defer flush()
			if check {
				return checkConfig(cmd.OutOrStdout(), cmd.ErrOrStderr(), path)
			}
			return serve(cmd.Context(), path, cmd.OutOrStdout(), logger)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "config", "signet.yaml", "the configuration file")
	flags.BoolVar(&check, "check", false, "only validate, then end")
	flags.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

// logWait is how long the line of a request may wait for those of others.
const logWait = 10 * time.Millisecond

// newLogger writes JSON lines to stderr, where an orchestrator collects them. What
// waits is written by flush, which belongs before the end.
func newLogger(w io.Writer, level string) (logger *slog.Logger, flush func(), err error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, nil, usage("--log-level %s: use debug, info, warn or error", level)
	}
	lines := sharedwrite.New(w, logWait)
	return slog.New(sharedwrite.JSON(lines, l, httpapi.RequestLine)), lines.Flush, nil
}

// checkConfig is serve --check: everything that can be known without Vault and Redis.
func checkConfig(out, notes io.Writer, path string) error {
	cfg, err := config.Load(path)
	if err != nil {
		return found(err)
	}
	var problems []error
	for _, check := range []func() error{cfg.CheckSecrets, cfg.CheckFiles} {
		if err := check(); err != nil {
			problems = append(problems, found(err))
		}
	}
	registry := clientsConfig(cfg)
	registry.Logger = slog.New(slog.DiscardHandler)
	registered, err := clients.Open(registry)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: clients.file: %w; `signet client new` makes an entry for it", errFound, err)
		}
		problems = append(problems, found(err))
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	if registered.Len() == 0 {
		if _, err := fmt.Fprintf(notes, "note: %s lists nobody: no request can be authenticated; `signet client new` makes an entry\n", cfg.Clients.File); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "%s is valid\n", path)
	return err
}

// found makes violations of a file count as findings; a file that cannot be
// read at all is a failure.
func found(err error) error {
	if violations, ok := errors.AsType[*config.Error](err); ok {
		return fmt.Errorf("%w:\n%w", errFound, violations)
	}
	return err
}

func clientsConfig(cfg *config.Config) clients.Config {
	return clients.Config{
		Path: cfg.Clients.File, Rings: cfg.MaxTTLs(), DefaultRing: cfg.Rings[0].Name, DefaultTTL: cfg.Tokens.TTL,
	}
}

// collectAt is how far the heap grows between two runs of the garbage collector,
// in percent of what is in use: Go's 100 would take a tenth of the time that a
// token costs, and with 200 a replica with 512 connections stays below 100 MB.
const collectAt = 200

// serve runs a replica; out takes the issuance records.
func serve(ctx context.Context, path string, out io.Writer, logger *slog.Logger) error {
	if os.Getenv("GOGC") == "" { // who sets it knows better
		debug.SetGCPercent(collectAt)
	}
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "starting", "version", version, "issuer", cfg.Issuer, "pid", os.Getpid())
	s, err := newService(cfg, out, logger)
	if err != nil {
		return err
	}
	defer s.closeRecords(context.WithoutCancel(ctx))
	return s.run(ctx)
}
