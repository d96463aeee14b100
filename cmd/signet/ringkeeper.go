package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"signet/config"
	"signet/internal/sharedstate"
	"signet/vaultkeys"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
)

// ringKeeper is a keeper with its own login, in `signet serve` and in `signet
// keeper` alike.
type ringKeeper struct {
	vault  *vaultapi.Conn
	keeper *keeper.Keeper
}

// leaseIntervals is how many rounds a keeper may miss before another one does
// its work at once.
const leaseIntervals = 3

func newRingKeeper(cfg *config.Config, redis sharedstate.Client, logger *slog.Logger, metrics prometheus.Registerer) (*ringKeeper, error) {
	v, interval := cfg.Vault, cfg.Keys.RefreshInterval
	vault, err := vaultapi.New(vaultapi.Config{
		Address: v.Address, Namespace: v.Namespace, CACert: v.CACert, Login: login(cfg.Keeper.Auth),
		RevokeAtEnd: true, Logger: logger.With("login", "keeper"),
		Registerer: loginMetrics("keeper", metrics),
	})
	if err != nil {
		return nil, fmt.Errorf("connecting the keeper to vault: %w", err)
	}
	return &ringKeeper{vault: vault, keeper: keeper.New(keeper.Config{
		Vault: vault, Mount: v.TransitMount, Rings: ringConfigs(cfg), RefreshInterval: interval, TrimAfter: cfg.Keeper.TrimAfter,
		Lease:     sharedstate.NewKeeperLease(redis, leaseIntervals*interval),
		FirstSeen: sharedstate.NewFirstSeen(redis), MaxTTLs: sharedstate.NewMaxTTLs(redis), Fences: sharedstate.NewFences(redis),
		Revoked: vaultkeys.NewRevokedKIDs(sharedstate.NewRevocations(redis), cfg.Keys.RevokedKIDs),
		KIDs:    sharedstate.NewKIDs(redis),
		Logger:  logger, Registerer: metrics,
	})}, nil
}

// spawn starts the login and the rounds.
func (k *ringKeeper) spawn(spawn func(string, func(context.Context) error)) {
	spawn("keeper's vault login", k.vault.Run)
	spawn("keeper", k.keeper.Run)
}
