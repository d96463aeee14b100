package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"signet/config"
	"signet/internal/sharedstate"
)

// openRedis prepares the connection; nothing is sent yet.
func openRedis(r config.Redis, logger *slog.Logger) (sharedstate.Client, error) {
	c, err := redisConfig(r)
	if err != nil {
		return nil, err
	}
	sharedstate.LogTo(logger)
	client, err := sharedstate.Open(c)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to redis: %w", err)
	}
	return client, nil
}

func redisConfig(r config.Redis) (c sharedstate.Config, err error) {
	c = sharedstate.Config{
		Addresses: r.Addresses, MasterName: r.MasterName, Cluster: r.Cluster,
		Username: r.Username, SentinelUsername: r.SentinelUsername,
	}
	if !r.Password.IsZero() {
		if c.Password, err = r.Password.Read(); err != nil {
			return c, fmt.Errorf("reading redis.password: %w", err)
		}
	}
	if !r.SentinelPassword.IsZero() {
		if c.SentinelPassword, err = r.SentinelPassword.Read(); err != nil {
			return c, fmt.Errorf("reading redis.sentinel_password: %w", err)
		}
	}
	if r.TLS != nil {
		c.TLS = &sharedstate.TLS{CACert: r.TLS.CACert, Cert: r.TLS.Cert, Key: r.TLS.Key, ServerName: r.TLS.ServerName}
	}
	return c, nil
}

// lookAgain is the pause until the next look at a Redis that did not answer.
const lookAgain = 5 * time.Second

// lookAtRedis says what endangers the sessions in it, as soon as it answers.
func lookAtRedis(ctx context.Context, cfg *config.Config, client sharedstate.Client, logger *slog.Logger) {
	said := ""
	for {
		warnings := sharedstate.CheckServer(ctx, client, sharedstate.CheckConfig{
			ClockSkew: cfg.Keys.ClockSkew, ReplicasAck: cfg.Refresh.ReplicasAck,
		})
		silent := slices.ContainsFunc(warnings, func(w sharedstate.Warning) bool { return w.Unanswered })
		if text := inWords(warnings); text != said { // not again what was said
			said = text
			warnOfRedis(ctx, logger, warnings)
		}
		if !silent {
			found := len(warnings) + lookAtSentinels(ctx, cfg, logger)
			logger.InfoContext(ctx, "redis looked at", "warnings", found)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookAgain):
		}
	}
}

// inWords are the warnings in an order of their own: a cluster's nodes answer in
// any.
func inWords(warnings []sharedstate.Warning) string {
	texts := make([]string, 0, len(warnings))
	for _, w := range warnings {
		texts = append(texts, w.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n")
}

func warnOfRedis(ctx context.Context, logger *slog.Logger, warnings []sharedstate.Warning) {
	for _, w := range warnings {
		attributes := []any{"remedy", w.Remedy}
		if w.Node != "" {
			attributes = append(attributes, "node", w.Node)
		}
		logger.WarnContext(ctx, "redis: "+w.Problem, attributes...)
	}
}

// lookAtSentinels says how many warnings there were.
func lookAtSentinels(ctx context.Context, cfg *config.Config, logger *slog.Logger) int {
	if cfg.Redis.MasterName == "" {
		return 0
	}
	c, err := redisConfig(cfg.Redis)
	if err != nil { // the connection was opened with it, so it has only just gone
		logger.WarnContext(ctx, "the sentinels were not looked at", "error", err)
		return 1
	}
	warnings := sharedstate.CheckSentinels(ctx, c)
	warnOfRedis(ctx, logger, warnings)
	return len(warnings)
}
