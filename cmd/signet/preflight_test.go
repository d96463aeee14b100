package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/internal/logtest"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaultcheck"
)

// deaf is a login that may do nothing, at a Vault that is away for the first requests.
type deaf struct{ away, asked int }

func (d *deaf) answer() (vaultapi.Meta, error) {
	d.asked++
	if d.asked <= d.away {
		return vaultapi.Meta{}, vaultapi.ErrSealed
	}
	return vaultapi.Meta{}, vaultapi.ErrPermissionDenied
}

func (d *deaf) Read(context.Context, string, any) (vaultapi.Meta, error) { return d.answer() }

func (d *deaf) Write(context.Context, string, any, any) (vaultapi.Meta, error) { return d.answer() }

// TestPreflight: it waits for a login and for Vault, checks once, and says what it found.
func TestPreflight(t *testing.T) {
	var log logtest.Buffer
	conn, logins := &deaf{away: 2}, uint64(0)
	p := &preflight{
		check: vaultcheck.Config{Issuer: conn, MACKey: "signet-refresh"}, pause: time.Millisecond, longest: time.Millisecond,
		logger:   slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelInfo})),
		logins:   func() uint64 { logins++; return logins - 1 }, // none at the first look
		findings: promauto.With(prometheus.NewRegistry()).NewGaugeVec(prometheus.GaugeOpts{Name: "findings"}, []string{"severity"}),
	}
	if err := p.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Its own token, its capabilities, the mount and the audit devices; the one key.
	for severity, want := range map[string]float64{"fail": 1, "warn": 0, "unknown": 4} {
		if got := testutil.ToFloat64(p.findings.WithLabelValues(severity)); got != want {
			t.Errorf("%v findings of severity %s, want %v", got, severity, want)
		}
	}
	for _, want := range []string{
		`level=ERROR msg="vault check: the issuer may not read it`, "where=transit/keys/signet-refresh", `remedy="` + "`signet vault init",
		"level=INFO msg=\"vault check: only an operator may read it", `msg="vault check done" passed=0 findings=5`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}

// TestPreflightEnds: with a Vault that stays away it ends with the service.
func TestPreflightEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := &preflight{
		check: vaultcheck.Config{Issuer: &deaf{away: 1 << 30}, MACKey: "signet-refresh"}, pause: time.Hour, longest: time.Hour,
		logger: slog.New(slog.DiscardHandler), logins: func() uint64 { cancel(); return 1 },
	}
	if err := p.run(ctx); err == nil {
		t.Error("it ended without an error, though nothing was checked")
	}
}
