package journal

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"signet/audit"
)

type metrics struct {
	records        map[audit.Event]prometheus.Counter
	failures, lost prometheus.Counter
}

func newMetrics(j *Journal, r prometheus.Registerer) *metrics {
	factory := promauto.With(r)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signet_audit_writable", Help: "1 while issuance records can be written; while it is 0 nothing is signed.",
	}, func() float64 {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.failing != nil {
			return 0
		}
		return 1
	})
	records := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "signet_audit_records_total", Help: "Issuance records written, by event.",
	}, []string{"event"})
	byEvent := map[audit.Event]prometheus.Counter{}
	for _, e := range audit.Events {
		byEvent[e] = records.WithLabelValues(string(e))
	}
	return &metrics{
		records: byEvent,
		failures: factory.NewCounter(prometheus.CounterOpts{
			Name: "signet_audit_write_failures_total", Help: "Attempts to write issuance records that failed.",
		}),
		lost: factory.NewCounter(prometheus.CounterOpts{
			Name: "signet_audit_records_lost_total", Help: "Records given up because none could be written for long; never those of signatures.",
		}),
	}
}

func (m *metrics) written(records []audit.Record) {
	for i := range records {
		if c := m.records[records[i].Event]; c != nil {
			c.Inc()
		}
	}
}
