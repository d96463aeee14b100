package vaultapi

import (
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// The operations, a closed set for the metrics.
const (
	opSign    = "sign"
	opHMAC    = "hmac"
	opVerify  = "verify"
	opReadKey = "read_key"
	opLogin   = "login"
	opRenew   = "renew"
	opOther   = "other"
)

// operation names a call by its path: engine/verb/key, or engine/verb/key/hash.
func operation(k call) string {
	if k.op == opLogin || k.op == opRenew {
		return k.op
	}
	parts := strings.Split(k.path, "/")
	for back := 2; back <= 3 && back < len(parts); back++ {
		switch verb := parts[len(parts)-back]; {
		case k.method == http.MethodPost && (verb == opSign || verb == opHMAC || verb == opVerify):
			return verb
		case k.method == http.MethodGet && verb == "keys" && back == 2:
			return opReadKey
		}
	}
	return opOther
}

// The results of a login.
const (
	loginOK          = "ok"
	loginRefused     = "refused"
	loginUnavailable = "unavailable"
)

type metrics struct {
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	logins   *prometheus.CounterVec
}

// newMetrics registers the metrics; left is asked for the token's remaining
// seconds at every scrape.
func newMetrics(r prometheus.Registerer, left func() float64) *metrics {
	factory := promauto.With(r)
	m := &metrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_vault_requests_total", Help: "Requests to Vault by operation and result.",
		}, []string{"operation", "result"}),
		latency: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signet_vault_request_duration_seconds", Help: "Duration of requests to Vault by operation.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"operation"}),
		logins: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_vault_logins_total", Help: "Logins to Vault by result: ok, refused, unavailable.",
		}, []string{"result"}),
	}
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signet_vault_token_ttl_seconds",
		Help: "Time until Vault's token ends; +Inf if it does not, 0 without a token.",
	}, left)
	// There from the start, so that an alarm on their rate works.
	for _, result := range []string{loginOK, loginRefused, loginUnavailable} {
		m.logins.WithLabelValues(result)
	}
	return m
}

func (m *metrics) request(operation, result string, took time.Duration) {
	m.requests.WithLabelValues(operation, result).Inc()
	m.latency.WithLabelValues(operation).Observe(took.Seconds())
}

func (m *metrics) login(result string) { m.logins.WithLabelValues(result).Inc() }

// tokenSeconds is the gauge's value.
func (c *Conn) tokenSeconds() float64 {
	s := c.peek()
	switch {
	case s == nil:
		return 0
	case s.forever:
		return math.Inf(1)
	}
	return max(0, s.left().Seconds())
}
