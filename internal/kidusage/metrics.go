package kidusage

import "github.com/prometheus/client_golang/prometheus"

var labels = []string{"ring", "version", "kid"}

// What Collect describes. The labels are those of keys that a ring has, or had
// within the last hour: a handful.
var (
	issuedDesc = prometheus.NewDesc("signet_kid_tokens_issued_total",
		"Access tokens handed out, by the key version that signed them.", labels, nil)
	introspectedDesc = prometheus.NewDesc("signet_kid_introspections_total",
		"Introspections of tokens with a good signature, by the key version that made it.", labels, nil)
	fetchedDesc = prometheus.NewDesc("signet_kid_jwks_fetches_total",
		"JWK sets served (200 or 304) with this key version in them.", labels, nil)
)

// Describe fits prometheus.Collector.
func (c *Counter) Describe(ch chan<- *prometheus.Desc) {
	ch <- issuedDesc
	ch <- introspectedDesc
	ch <- fetchedDesc
}

// Collect fits prometheus.Collector.
func (c *Counter) Collect(ch chan<- prometheus.Metric) {
	for _, at := range *c.counts.Load() {
		counter := func(desc *prometheus.Desc, n int64) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), at.ring, at.version, at.kid)
		}
		counter(issuedDesc, at.issued.Load())
		counter(introspectedDesc, at.introspected.Load())
		if at.public {
			counter(fetchedDesc, at.fetched.Load())
		}
	}
}
