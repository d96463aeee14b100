package refresh

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type operation string

const (
	opCreate  operation = "create"
	opCheck   operation = "check"
	opCommit  operation = "commit"
	opInspect operation = "inspect"
	opDenied  operation = "denied"
	opRevoke  operation = "revoke"
	opList    operation = "list"
)

type metrics struct {
	events  *prometheus.CounterVec
	refused *prometheus.CounterVec
	latency *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	factory := promauto.With(reg)
	m := metrics{
		events: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_refresh_events_total",
			Help: "Refreshes that were not plain, by kind; all but grace deserve a look.",
		}, []string{"kind"}),
		refused: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_refresh_refused_total",
			Help: "Refresh tokens refused, by cause.",
		}, []string{"cause"}),
		latency: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "signet_refresh_duration_seconds",
			Help:    "Duration of operations on sessions, Redis included.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}, []string{"operation", "result"}),
	}
	// Present from the start, so that an alert on the first one never meets a gap.
	for _, kind := range []EventKind{EventReuse, EventGrace, EventRollForward, EventTampered, EventRolledBack, EventForeignClient} {
		m.events.WithLabelValues(string(kind))
	}
	return m
}

func (m *metrics) done(op operation, took time.Duration, err error) {
	result := "ok"
	var reason *Reason
	switch {
	case errors.As(err, &reason):
		result = "refused"
		m.refused.WithLabelValues(string(reason.Cause)).Inc()
	case errors.Is(err, ErrUnavailable):
		result = "unavailable"
	case err != nil:
		result = "error"
	}
	m.latency.WithLabelValues(string(op), result).Observe(took.Seconds())
}
