package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"signet/config"
	"signet/internal/sharedstate"
	"signet/vaultkeys"
)

// openRedis prepares the connection; nothing is sent yet.
func openRedis(r config.Redis, logger *slog.Logger) (_ sharedstate.Client, err error) {
	c := sharedstate.Config{Addresses: r.Addresses, MasterName: r.MasterName, Cluster: r.Cluster, Username: r.Username}
	if !r.Password.IsZero() {
		if c.Password, err = r.Password.Read(); err != nil {
			return nil, fmt.Errorf("reading redis.password: %w", err)
		}
	}
	if r.TLS != nil {
		c.TLS = &sharedstate.TLS{CACert: r.TLS.CACert, Cert: r.TLS.Cert, Key: r.TLS.Key, ServerName: r.TLS.ServerName}
	}
	sharedstate.LogTo(logger)
	client, err := sharedstate.Open(c)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to redis: %w", err)
	}
	return client, nil
}

// lookAtRedis says what endangers the sessions in it.
func lookAtRedis(ctx context.Context, cfg *config.Config, client sharedstate.Client, logger *slog.Logger) {
	for _, warning := range sharedstate.CheckServer(ctx, client, sharedstate.CheckConfig{ClockSkew: cfg.Keys.ClockSkew}) {
		logger.WarnContext(ctx, "redis: "+warning.Problem, "remedy", warning.Remedy, "node", warning.Node)
	}
}

// reportMaxTTLs tells the keepers each interval what this replica may sign,
// until ctx ends. The first report is made before the rings are read, and so
// before the first token.
func (s *service) reportMaxTTLs(ctx context.Context) error {
	ttls, failing := sharedstate.NewMaxTTLs(s.redis), false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(vaultkeys.Jitter(s.cfg.Keys.RefreshInterval)):
		}
		err := ttls.ReportAll(ctx, s.cfg.MaxTTLs())
		if err != nil && !failing && ctx.Err() == nil {
			s.logger.WarnContext(ctx, "keepers cannot be told this replica's max_ttl; what was told before counts for 12h", "error", err)
		}
		failing = err != nil
	}
}
