package signer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// canaryMetrics are what an operator sees of canaries. Labels are configured
// rings and the words below.
type canaryMetrics struct {
	up      *prometheus.GaugeVec
	last    *prometheus.GaugeVec
	results *prometheus.CounterVec
}

func newCanaryMetrics(r prometheus.Registerer) canaryMetrics {
	factory := promauto.With(r)
	return canaryMetrics{
		up: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signet_canary_up", Help: "1 if the ring's last canary was signed and verified, else 0.",
		}, []string{"ring"}),
		last: factory.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signet_canary_last_success_timestamp_seconds", Help: "When the ring's last canary succeeded, Unix time.",
		}, []string{"ring"}),
		results: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_canaries_total", Help: "Canaries by result: ok, failed, overloaded.",
		}, []string{"ring", "result"}),
	}
}

func (m canaryMetrics) count(ring, result string) { m.results.WithLabelValues(ring, result).Inc() }

func (m canaryMetrics) failed(ring string) {
	m.up.WithLabelValues(ring).Set(0)
	m.count(ring, "failed")
}

func (m canaryMetrics) succeeded(ring string, at time.Time) {
	m.up.WithLabelValues(ring).Set(1)
	m.last.WithLabelValues(ring).Set(float64(at.Unix()))
	m.count(ring, "ok")
}
