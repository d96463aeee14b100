package vaultkeys

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// ringMetrics counts alarms and failed reads, and describes the rings when it
// is scraped: states and ages change with time alone.
type ringMetrics struct {
	rings    *Rings
	alarms   *prometheus.CounterVec
	failures *prometheus.CounterVec

	versions, signing, snapshotAge, keyAge *prometheus.Desc
}

func newRingMetrics(r *Rings, reg prometheus.Registerer) *ringMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("signet_ring_"+name, help, append([]string{"ring"}, labels...), nil)
	}
	m := &ringMetrics{
		rings: r,
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_ring_alarms_total",
			Help: "Alarming conditions seen while reading a key ring, once a read for as long as they hold.",
		}, []string{"ring", "kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_ring_read_failures_total",
			Help: "Reads of a key ring that failed.",
		}, []string{"ring", "reason"}),
		versions:    desc("versions", "Key versions of a ring by state.", "state"),
		signing:     desc("signing_version", "The key version that signs now; absent if none does."),
		snapshotAge: desc("snapshot_age_seconds", "Time since the ring was last read from Vault."),
		keyAge:      desc("key_age_seconds", "Age of the key version that signs now."),
	}
	if reg != nil {
		reg.MustRegister(m, m.alarms, m.failures)
	}
	return m
}

func (m *ringMetrics) alarm(ring string, kind alarmKind) {
	m.alarms.WithLabelValues(ring, string(kind)).Inc()
}

func (m *ringMetrics) failed(ring string, err error) {
	m.failures.WithLabelValues(ring, reasonOf(err)).Inc()
}

// reasonOf is a closed set: it becomes a metric's label.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, ErrMisconfigured):
		return "misconfigured"
	case errors.Is(err, vaultapi.ErrPermissionDenied), errors.Is(err, vaultapi.ErrTokenInvalid):
		return "denied"
	case errors.Is(err, vaultapi.ErrSealed):
		return "sealed"
	case errors.Is(err, vaultapi.ErrMalformed):
		return "malformed"
	case errors.Is(err, vaultapi.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return "unavailable"
	default:
		return "malformed"
	}
}

// Describe fits prometheus.Collector.
func (m *ringMetrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.versions
	ch <- m.signing
	ch <- m.snapshotAge
	ch <- m.keyAge
}

// Collect fits prometheus.Collector.
func (m *ringMetrics) Collect(ch chan<- prometheus.Metric) {
	now := m.rings.cfg.Now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for i, s := range m.rings.view.Load().rings {
		if s == nil {
			continue
		}
		name := m.rings.cfg.Rings[i].Name
		gauge(m.snapshotAge, s.age(now).Seconds(), name)
		for state, n := range m.count(s, lifecycle.States(s.ring, s.policy, now)) {
			gauge(m.versions, float64(n), name, state)
		}
		number, ok := s.schedule.Signing(now)
		if !ok {
			continue
		}
		gauge(m.signing, float64(number), name)
		if v, ok := s.version(number); ok && !v.created.IsZero() {
			gauge(m.keyAge, now.Sub(v.created).Seconds(), name)
		}
	}
}

// count sorts a ring's versions into states; every state is present, so that
// an alert on it never meets a gap.
func (m *ringMetrics) count(s *snapshot, states map[int]lifecycle.State) map[string]int {
	const barred, vanished, revoked = "barred", "vanished", "revoked"
	out := map[string]int{
		string(lifecycle.Published): 0, string(lifecycle.Active): 0, string(lifecycle.Retiring): 0,
		barred: 0, vanished: len(s.vanished), revoked: 0,
	}
	for _, v := range s.listed {
		if _, bad := m.rings.revoked[v.key.KID]; bad {
			out[revoked]++
		} else if state, ok := states[v.key.Version]; ok {
			out[string(state)]++
		} else {
			out[barred]++
		}
	}
	return out
}

// macMetrics are those of [MACKeys].
type macMetrics struct {
	alarms, failures *prometheus.CounterVec
}

func newMACMetrics(m *MACKeys, reg prometheus.Registerer) *macMetrics {
	metrics := &macMetrics{
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_mackey_alarms_total",
			Help: "Alarming conditions seen while reading the refresh token key.",
		}, []string{"kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_mackey_read_failures_total",
			Help: "Reads of the refresh token key that failed.",
		}, []string{"reason"}),
	}
	if reg == nil {
		return metrics
	}
	gauge := func(name, help string, of func(*macState) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signet_mackey_" + name, Help: help}, func() float64 {
			if s := m.state.Load(); s != nil {
				return of(s)
			}
			return 0
		})
	}
	reg.MustRegister(metrics.alarms, metrics.failures,
		gauge("version", "The newest version of the refresh token key; 0 before the first read.",
			func(s *macState) float64 { return float64(s.latest) }),
		gauge("snapshot_age_seconds", "Time since the refresh token key was last read from Vault.",
			func(s *macState) float64 { return m.cfg.Now().Sub(s.readAt).Seconds() }))
	return metrics
}
