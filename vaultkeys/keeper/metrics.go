package keeper

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// metrics are signet_keeper_*.
type metrics struct {
	actions, errors, redis *prometheus.CounterVec
	due, fenceAge, read    *prometheus.GaugeVec
	lease                  prometheus.Gauge
}

func newMetrics(cfg *Config) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signet_keeper_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "signet_keeper_" + name, Help: help}, labels)
	}
	m := &metrics{
		actions:  counter("actions_total", "What this keeper did to a ring.", "ring", "kind"),
		errors:   counter("errors_total", "Rounds of a ring in which something failed.", "ring", "reason"),
		redis:    counter("redis_failures_total", "Questions to Redis without an answer.", "what"),
		due:      gauge("next_due_timestamp_seconds", "When the next action of a kind is due (Unix time); absent if none is foreseen.", "ring", "kind"),
		fenceAge: gauge("fence_age_seconds", "For how long this keeper has seen min_encryption_version at its present value.", "ring"),
		read:     gauge("last_read_timestamp_seconds", "When the ring was last read from Vault (Unix time).", "ring"),
		lease: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signet_keeper_lease_held",
			Help: "1 if this keeper acts at once, 0 if it leaves that to the holder of the lease for a while.",
		}),
	}
	for i := range cfg.Rings { // from 0, or increase() misses the first
		for _, kind := range lifecycle.Kinds() {
			m.actions.WithLabelValues(cfg.Rings[i].Name, string(kind))
		}
		for _, reason := range reasons {
			m.errors.WithLabelValues(cfg.Rings[i].Name, reason)
		}
	}
	for _, what := range []string{askedLease, askedFirstSeen, askedMaxTTL, askedFence, askedRevoked, askedKIDs} {
		m.redis.WithLabelValues(what)
	}
	if cfg.Registerer != nil {
		cfg.Registerer.MustRegister(m.actions, m.errors, m.redis, m.due, m.fenceAge, m.read, m.lease)
	}
	return m
}

func (m *metrics) did(ring string, kind lifecycle.Kind) {
	m.actions.WithLabelValues(ring, string(kind)).Inc()
}

func (m *metrics) failed(ring, reason string) { m.errors.WithLabelValues(ring, reason).Inc() }

func (m *metrics) redisFailed(what string) { m.redis.WithLabelValues(what).Inc() }

func (m *metrics) holds(held bool) {
	value := 0.0
	if held {
		value = 1
	}
	m.lease.Set(value)
}

// looked notes what a look at a ring showed.
func (m *metrics) looked(ring string, at time.Time, fence time.Duration, steps []lifecycle.Step) {
	m.read.WithLabelValues(ring).Set(seconds(at))
	m.fenceAge.WithLabelValues(ring).Set(fence.Seconds())
	due := map[lifecycle.Kind]time.Time{}
	for _, s := range steps {
		due[s.Kind] = s.Due
	}
	for _, kind := range lifecycle.Kinds() {
		if at, ok := due[kind]; ok {
			m.due.WithLabelValues(ring, string(kind)).Set(seconds(at))
		} else {
			m.due.DeleteLabelValues(ring, string(kind))
		}
	}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// The reasons of a failed round, a closed set: they become a metric's label.
const (
	reasonMisconfigured = "misconfigured"
	reasonDenied        = "denied"
	reasonSealed        = "sealed"
	reasonMalformed     = "malformed"
	reasonUnavailable   = "unavailable"
	reasonClock         = "clock_skew"
	reasonRedis         = "redis"
	reasonNone          = "no_version"
	reasonRefused       = "refused"
)

var reasons = []string{
	reasonMisconfigured, reasonDenied, reasonSealed, reasonMalformed, reasonUnavailable,
	reasonClock, reasonRedis, reasonNone, reasonRefused,
}

func reasonOf(err error) string {
	switch {
	case errors.Is(err, vaultkeys.ErrMisconfigured):
		return reasonMisconfigured
	case errors.Is(err, vaultapi.ErrPermissionDenied), errors.Is(err, vaultapi.ErrTokenInvalid):
		return reasonDenied
	case errors.Is(err, vaultapi.ErrSealed):
		return reasonSealed
	case errors.Is(err, vaultapi.ErrMalformed):
		return reasonMalformed
	case errors.Is(err, errClock):
		return reasonClock
	case errors.Is(err, errShared):
		return reasonRedis
	case errors.Is(err, errNone):
		return reasonNone
	case errors.Is(err, vaultapi.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return reasonUnavailable
	default:
		return reasonRefused
	}
}
