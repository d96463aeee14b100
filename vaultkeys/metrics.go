package vaultkeys

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// ringMetrics counts alarms and failed reads, and describes the rings when it
// is scraped: states and ages change with time alone.
type ringMetrics struct {
	rings    *Rings
	alarms   *prometheus.CounterVec
	failures *prometheus.CounterVec

	revokedFailures, revokedRestored prometheus.Counter

	versions, version, signing, snapshotAge, keyAge *prometheus.Desc
}

func newRingMetrics(r *Rings, reg prometheus.Registerer) *ringMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("signet_ring_"+name, help, append([]string{"ring"}, labels...), nil)
	}
	factory := promauto.With(reg)
	m := &ringMetrics{
		rings: r,
		alarms: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_ring_alarms_total",
			Help: "Alarming conditions seen while reading a key ring, once a read for as long as they hold.",
		}, []string{"ring", "kind"}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_ring_read_failures_total",
			Help: "Reads of a key ring that failed.",
		}, []string{"ring", "reason"}),
		revokedFailures: factory.NewCounter(prometheus.CounterOpts{
			Name: "signet_revoked_list_read_failures_total",
			Help: "Reads of the shared list of revoked kids that failed.",
		}),
		revokedRestored: factory.NewCounter(prometheus.CounterOpts{
			Name: "signet_revoked_list_restored_total",
			Help: "Revoked kids that were known here and put back on the shared list: it was lost, or the configuration names a new one.",
		}),
		versions:    desc("versions", "Key versions of a ring by state.", "state"),
		version:     desc("version_state", "1 for each key version that is known, in the state that it is in.", "version", "kid", "state"),
		signing:     desc("signing_version", "The key version that signs now; absent if none does."),
		snapshotAge: desc("snapshot_age_seconds", "Time since the ring was last read from Vault."),
		keyAge:      desc("key_age_seconds", "Age of the key version that signs now."),
	}
	for _, reader := range r.readers {
		for _, kind := range alarmKinds {
			m.alarms.WithLabelValues(reader.cfg.Name, string(kind)) // from 0, or increase() misses the first
		}
	}
	if reg != nil {
		reg.MustRegister(m)
	}
	return m
}

func (m *ringMetrics) alarm(ring string, kind alarmKind) {
	m.alarms.WithLabelValues(ring, string(kind)).Inc()
}

func (m *ringMetrics) revokedRead(err error, restored int) {
	if err != nil {
		m.revokedFailures.Inc()
	}
	m.revokedRestored.Add(float64(restored))
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
	ch <- m.version
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
		counts := map[string]int{} // every state is present, so that an alert on it never meets a gap
		for _, state := range versionStates {
			counts[state] = 0
		}
		for _, v := range m.stand(s, now) {
			counts[v.state]++
			gauge(m.version, 1, name, strconv.Itoa(v.number), v.kid, v.state)
		}
		for state, n := range counts {
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

// The states of a version besides lifecycle's: known here, but not to sign or
// verify as Vault would have it.
const (
	stateBarred   = "barred"   // vanished once and came back: verifies only
	stateVanished = "vanished" // no longer listed although no minimum rose
	stateRevoked  = "revoked"  // listed, and used for nothing
)

var versionStates = []string{
	string(lifecycle.Published), string(lifecycle.Active), string(lifecycle.Retiring), stateBarred, stateVanished, stateRevoked,
}

// versionState is where one key stands. The kid belongs to it: numbers are
// re-used after a restore.
type versionState struct {
	number     int
	kid, state string
}

// stand sorts a ring's keys into states.
func (m *ringMetrics) stand(s *snapshot, now time.Time) []versionState {
	out := make([]versionState, 0, len(s.listed)+len(s.vanished))
	states := lifecycle.States(s.ring, s.policy, now)
	for _, v := range s.listed {
		at := versionState{v.key.Version, v.key.KID, stateBarred}
		if m.rings.revoked.Has(v.key.KID) {
			at.state = stateRevoked
		} else if v.recalled {
			at.state = string(lifecycle.Retiring)
		} else if state, ok := states[v.key.Version]; ok {
			at.state = string(state)
		}
		out = append(out, at)
	}
	for _, v := range s.vanished {
		out = append(out, versionState{v.key.Version, v.key.KID, stateVanished})
	}
	return out
}

// macMetrics are those of [MACKeys].
type macMetrics struct {
	alarms, failures *prometheus.CounterVec
}

func newMACMetrics(m *MACKeys, reg prometheus.Registerer) *macMetrics {
	factory := promauto.With(reg)
	metrics := &macMetrics{
		alarms: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_mackey_alarms_total",
			Help: "Alarming conditions seen while reading the refresh token key.",
		}, []string{"kind"}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_mackey_read_failures_total",
			Help: "Reads of the refresh token key that failed.",
		}, []string{"reason"}),
	}
	for _, kind := range []alarmKind{alarmMisconfigured, alarmVanished, alarmKeyChanged} {
		metrics.alarms.WithLabelValues(string(kind))
	}
	gauge := func(name, help string, of func(*macState) float64) {
		factory.NewGaugeFunc(prometheus.GaugeOpts{Name: "signet_mackey_" + name, Help: help}, func() float64 {
			if s := m.state.Load(); s != nil {
				return of(s)
			}
			return 0
		})
	}
	gauge("version", "The newest version of the refresh token key; 0 before the first read.",
		func(s *macState) float64 { return float64(s.latest) })
	gauge("snapshot_age_seconds", "Time since the refresh token key was last read from Vault.",
		func(s *macState) float64 { return m.cfg.Now().Sub(s.readAt).Seconds() })
	return metrics
}
