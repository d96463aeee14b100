package vaultkeys

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// batchMetrics is what an operator sees of signing. Labels are from closed
// sets: configured rings, and the words below.
type batchMetrics struct {
	signs    *prometheus.CounterVec
	failures *prometheus.CounterVec
	size     prometheus.Histogram
	latency  *prometheus.HistogramVec
	vault    *prometheus.HistogramVec
}

func newBatchMetrics(b *Batcher, reg prometheus.Registerer) *batchMetrics {
	buckets := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}
	factory := promauto.With(reg)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signet_sign_queue_depth", Help: "Requests that wait to be sent to Vault.",
	}, func() float64 { return float64(b.queue.depth()) })
	return &batchMetrics{
		signs: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_signs_total",
			Help: "Signatures asked for, by ring and result: ok, refused (key version), overloaded, unavailable, gone (the caller left).",
		}, []string{"ring", "result"}),
		failures: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_sign_batch_failures_total",
			Help: "Requests to Vault that gave no signature, by ring and reason. Any with reason \"faulty\" is an alarm.",
		}, []string{"ring", "reason"}),
		size: factory.NewHistogram(prometheus.HistogramOpts{
			Name: "signet_sign_batch_size", Help: "Signatures asked for in one request to Vault.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512},
		}),
		latency: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signet_sign_duration_seconds", Help: "Time to a signature, queueing included.", Buckets: buckets,
		}, []string{"ring"}),
		vault: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signet_sign_vault_duration_seconds", Help: "Time of one request to Vault.", Buckets: buckets,
		}, []string{"ring"}),
	}
}

func (m *batchMetrics) signed(ring string, err error, gone bool, took time.Duration) {
	outcome := "ok"
	switch {
	case err == nil:
		m.latency.WithLabelValues(ring).Observe(took.Seconds())
	case errors.Is(err, signer.ErrOverloaded):
		outcome = "overloaded"
	case errors.Is(err, signer.ErrVersionRefused):
		outcome = "refused"
	case gone:
		outcome = "gone"
	default:
		outcome = "unavailable"
	}
	m.signs.WithLabelValues(ring, outcome).Inc()
}

func (m *batchMetrics) asked(ring string, items int, took time.Duration) {
	m.size.Observe(float64(items))
	m.vault.WithLabelValues(ring).Observe(took.Seconds())
}

func (m *batchMetrics) failed(ring string, kind faultKind, err error) {
	reason := "unavailable"
	switch kind {
	case faultReply:
		reason = "faulty"
	case faultDenied:
		reason = "denied"
	case faultRequest:
		reason = "bad_request"
	case faultUnavailable, numFaultKinds:
		if errors.Is(err, vaultapi.ErrVersionRefused) {
			reason = "version_refused"
		} else if errors.Is(err, vaultapi.ErrSealed) {
			reason = "sealed"
		} else if isContextEnd(err) {
			reason = "timeout"
		}
	}
	m.failures.WithLabelValues(ring, reason).Inc()
}
