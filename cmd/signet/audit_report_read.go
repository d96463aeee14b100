package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/audit/records"
	"signet/audit/report"
	"signet/audit/report/feed"
	"signet/audit/vaultlog"
	"signet/config"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// makeReport reads what there is to be read.
func makeReport(ctx context.Context, o *reportOptions, cmd *cobra.Command) (*report.Report, error) {
	cfg, err := config.Load(o.configPath)
	if err != nil {
		return nil, err
	}
	rings := ringConfigs(cfg)
	c := report.New(report.Config{
		Since: o.sinceAt, Until: o.untilAt, Unit: report.Unit(o.period), Rings: reportRings(rings), Now: time.Now(),
	})
	said := &progress{out: cmd.ErrOrStderr(), every: 2 * time.Second}
	err = feed.Records(ctx, records.Config{Paths: o.records, Stdin: cmd.InOrStdin(), Progress: reading(said, "issuance records")}, c)
	if err != nil {
		return nil, err
	}
	if len(o.vaultLogs) > 0 {
		err = feed.VaultLog(ctx, vaultlog.Options{
			Files: o.vaultLogs, Stdin: cmd.InOrStdin(), Progress: reading(said, "Vault's log"), Interest: reportInterest(cfg),
		}, c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading Vault's audit log: %w", err)
	}
	readKeys(ctx, cfg, rings, c, cmd.ErrOrStderr())
	return c.Report(), ctx.Err()
}

// reportInterest are the keys of the configuration.
func reportInterest(cfg *config.Config) vaultlog.Interest {
	return vaultlog.Interest{
		Mount: cfg.Vault.TransitMount, Namespace: cfg.Vault.Namespace, Keys: append(ringNames(cfg), cfg.Refresh.MACKey),
	}
}

func reportRings(all []vaultkeys.RingConfig) []report.Ring {
	rings := make([]report.Ring, len(all))
	for i := range all {
		rings[i] = report.Ring{Name: all[i].Name, Policy: all[i].EffectivePolicy()}
	}
	return rings
}

// readKeys asks Vault for the keys of the rings. Without it their ages are told
// by Vault's log, and the report says why.
func readKeys(ctx context.Context, cfg *config.Config, rings []vaultkeys.RingConfig, c *report.Collector, progress io.Writer) {
	conn, err := connectOperator(ctx, cfg.Vault, 0, progress)
	if err != nil {
		c.Note("Key ages are not from Vault itself: %v.", err)
		return
	}
	if at := envOr("VAULT_ADDR", cfg.Vault.Address); strings.TrimRight(at, "/") != strings.TrimRight(cfg.Vault.Address, "/") {
		c.Note("The keys were read from the Vault at %s (VAULT_ADDR), not from that of the configuration, %s.", at, cfg.Vault.Address)
	}
	paths := vaultkeys.Paths{Mount: cfg.Vault.TransitMount}
	for i := range rings {
		if err := readRing(ctx, conn, paths, &rings[i], cfg.Keys.RevokedKIDs, c); err != nil {
			c.Note("Ring %s was not read from Vault: %v.", rings[i].Name, err)
		}
	}
}

func readRing(ctx context.Context, conn *vaultapi.Conn, paths vaultkeys.Paths, ring *vaultkeys.RingConfig, revoked []string, c *report.Collector) error {
	data, meta, err := vaultkeys.ReadKey(ctx, conn, paths, ring)
	if err != nil {
		return err
	}
	at := meta.Date
	if at.IsZero() {
		at = time.Now()
	}
	s := report.KeyState{
		Latest: data.LatestVersion, MinDecryption: data.MinDecryptionVersion, MinEncryption: data.MinEncryptionVersion, MinAvailable: data.MinAvailableVersion,
	}
	if !ring.Algorithm.Symmetric() {
		if err := listed(ring, &data, revoked, &s); err != nil {
			return err
		}
	}
	c.KeyState(ring.Name, at, &s)
	return nil
}

// listed adds when the versions were made, and which must not sign.
func listed(ring *vaultkeys.RingConfig, data *vaultkeys.KeyData, revoked []string, s *report.KeyState) error {
	all, err := vaultkeys.ListedVersions(ring, data)
	if err != nil {
		return err
	}
	s.Created, s.Revoked = map[int]time.Time{}, map[int]bool{}
	for _, v := range all {
		s.Created[v.Version] = v.CreatedAt
		s.Revoked[v.Version] = slices.Contains(revoked, v.KID)
	}
	return nil
}
