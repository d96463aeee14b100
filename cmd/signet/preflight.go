package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/config"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultcheck"
)

// preflight is what `serve` sees of its own rights in Vault, once, beside
// everything else: it delays and ends nothing.
type preflight struct {
	check    vaultcheck.Config
	logins   func() uint64 // how many there have been
	logger   *slog.Logger
	findings *prometheus.GaugeVec
	// pause before it is tried again while Vault is away; it doubles up to longest.
	pause, longest time.Duration
}

// preflightTimeout is for all requests of one try together: with many rings
// they are some hundred, one after the other.
const preflightTimeout = 30 * time.Second

// newPreflight checks with a connection that somebody else keeps logged in.
func newPreflight(cfg *config.Config, conn *vaultapi.Conn, logger *slog.Logger, metrics prometheus.Registerer) *preflight {
	check := checkConfigOf(cfg)
	check.Issuer = conn
	return &preflight{
		check: check, logins: conn.Logins, logger: logger, pause: time.Second, longest: time.Minute,
		findings: promauto.With(metrics).NewGaugeVec(prometheus.GaugeOpts{
			Name: "signet_vault_check_findings", Help: "What the check of the issuer's rights in Vault found at start, by severity; absent until it is done.",
		}, []string{"severity"}),
	}
}

// run checks until Vault has answered everything, and never fails: a finding
// is for somebody to read.
func (p *preflight) run(ctx context.Context) error {
	for pause := p.pause; ; pause = min(2*pause, p.longest) {
		report, err := p.once(ctx)
		if err == nil {
			p.tell(ctx, report)
			return nil
		}
		p.logger.DebugContext(ctx, "vault check: not possible yet", "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

var errNotLoggedIn = errors.New("there was no login yet")

func (p *preflight) once(ctx context.Context) (vaultcheck.Report, error) {
	if p.logins() == 0 {
		return vaultcheck.Report{}, errNotLoggedIn // whoever logs in says why
	}
	ctx, cancel := context.WithTimeout(ctx, preflightTimeout)
	defer cancel()
	return vaultcheck.Run(ctx, p.check)
}

func (p *preflight) tell(ctx context.Context, report vaultcheck.Report) {
	count := map[vaultcheck.Severity]int{}
	for _, f := range report.Findings {
		count[f.Severity]++
		p.logger.Log(ctx, levelOf(f.Severity), "vault check: "+f.Problem, "severity", string(f.Severity), "where", f.Where, "remedy", f.Remedy)
	}
	for _, s := range vaultcheck.Severities() {
		p.findings.WithLabelValues(string(s)).Set(float64(count[s]))
	}
	p.logger.InfoContext(ctx, "vault check done", "passed", report.Passed, "findings", len(report.Findings))
}

// levelOf: what could not be looked at is no alarm here, for the issuer may
// never look at Vault's audit devices.
func levelOf(s vaultcheck.Severity) slog.Level {
	switch s {
	case vaultcheck.Fail:
		return slog.LevelError
	case vaultcheck.Warn:
		return slog.LevelWarn
	case vaultcheck.Unknown:
		return slog.LevelInfo
	}
	return slog.LevelError
}
