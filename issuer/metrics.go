package issuer

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/clients"
)

type metrics struct {
	issued  *prometheus.CounterVec
	refused *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	factory := promauto.With(r)
	return &metrics{
		issued: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_tokens_issued_total", Help: "Access tokens handed out, by grant and key ring.",
		}, []string{"grant", "ring"}),
		refused: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_requests_refused_total", Help: "Use cases refused, by use case and OAuth error code.",
		}, []string{"use_case", "code"}),
	}
}

func (m *metrics) count(grant clients.Grant, ring string) {
	m.issued.WithLabelValues(string(grant), ring).Inc()
}

// done turns what a use case ended with into the caller's error, counted.
func (m *metrics) done(useCase string, err error) error {
	if err == nil {
		return nil
	}
	e := asError(err)
	m.refused.WithLabelValues(useCase, string(e.Code)).Inc()
	return e
}
