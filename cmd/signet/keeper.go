package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"signet/config"
	"signet/httpapi"
	"signet/internal/sharedstate"
)

func newKeeperCommand() *cobra.Command {
	var path, ops, level string
	cmd := &cobra.Command{
		Use:   "keeper",
		Short: "Rotate and retire key versions, without serving tokens",
		Long: `Rotate and retire key versions, without serving tokens: what ` + "`signet serve`" + ` also
does where its configuration has a keeper section. Here it runs on a host that
needs no right to sign.

Each ring gets a new version when the newest is rotation_period old; the version
before signs until the new one is publish_delay old, and verifies until its last
token is over. Any number of keepers may run, and any may be killed at any time.

It takes the keeper's login from keeper.vault.auth (made by ` + "`signet vault init\n--keeper-credentials-dir DIR`" + `), and Vault, Redis, rings and times from the same
configuration as the replicas. Probes and metrics are at ops.address.`,
		Example: `  signet keeper --config signet.yaml
  signet keeper --config signet.yaml --ops-address 127.0.0.1:9091`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger, flush, err := newLogger(cmd.ErrOrStderr(), level)
			if err != nil {
				return err
			}
			defer flush()
			return keep(cmd.Context(), path, ops, logger)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "config", "signet.yaml", "the configuration file")
	flags.StringVar(&ops, "ops-address", "", "host:port of probes and metrics, if not ops.address: where a replica runs on the same host")
	flags.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

var errNoKeeper = errors.New("the configuration has no keeper section: write `keeper: {vault: {auth: {method: approle, role_id: {file: PATH}, secret_id: {file: PATH}}}}` " +
	"with credentials of `signet vault init --keeper-credentials-dir DIR`")

func keep(ctx context.Context, path, opsAddress string, logger *slog.Logger) error {
	cfg, err := config.Load(path)
	if err != nil {
		return err
	}
	if cfg.Keeper == nil {
		return fmt.Errorf("%s: %w", path, errNoKeeper)
	}
	if opsAddress != "" {
		cfg.Ops.Address = opsAddress
	}
	logger.InfoContext(ctx, "starting a keeper", "version", version, "rings", ringNames(cfg), "pid", os.Getpid())
	redis, err := openRedis(cfg.Redis, logger)
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	k, err := newRingKeeper(cfg, redis, logger, metrics)
	if err != nil {
		return errors.Join(err, redis.Close())
	}
	probes := httpapi.New(httpapi.Config{
		Issuer: cfg.Issuer, Ready: k.keeper.Ready, Logger: logger, Registerer: metrics, Gatherer: metrics,
	})
	return errors.Join(k.run(ctx, cfg, redis, probes.Ops(), logger), redis.Close())
}

// run keeps until ctx ends (a signal) or something fails for good. The end
// needs no care: whichever keeper comes next goes on.
func (k *ringKeeper) run(ctx context.Context, cfg *config.Config, redis sharedstate.Client, probes http.Handler, logger *slog.Logger) error {
	ops, err := listenTCP(ctx, cfg.Ops.Address, "ops.address")
	if err != nil {
		return err
	}
	inner, end := context.WithCancel(ctx)
	defer end()
	failed := make(chan error, 4)
	var work background
	spawn := work.parts(inner, failed)
	server := newHTTPServer(probes, logger)
	spawn("ops listener", func(context.Context) error { return serveOn(server, listener{listener: ops}) })
	spawn("look at redis", func(ctx context.Context) error {
		lookAtRedis(ctx, cfg, redis, logger)
		return nil
	})
	k.spawn(spawn)
	logger.InfoContext(ctx, "listening", "ops", ops.Addr().String())
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	end()
	closeAll([]*http.Server{server})
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if names := work.end(last); len(names) > 0 {
		logger.WarnContext(last, "some background work did not end in time", "parts", names)
	}
	logger.InfoContext(last, "stopped")
	return err
}
