package httpapi

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// What handlers leave for the access log.
const (
	keyClientID  = "client_id"
	keyErrorCode = "error_code"
)

type metrics struct {
	requests        *prometheus.CounterVec
	seconds         *prometheus.HistogramVec
	authentications *prometheus.CounterVec
	panics          prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	factory := promauto.With(r)
	return &metrics{
		requests: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_http_requests_total", Help: "Requests by endpoint, method and status.",
		}, []string{"endpoint", "method", "status"}),
		seconds: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "signet_http_request_duration_seconds", Help: "Time to answer, by endpoint.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"endpoint"}),
		authentications: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "signet_client_authentications_total", Help: "Client authentications, accepted and refused.",
		}, []string{"result"}),
		panics: factory.NewCounter(prometheus.CounterOpts{
			Name: "signet_http_panics_total", Help: "Requests whose handler panicked: each is a bug.",
		}),
	}
}

// requestIDs are those of a caller that may be written to a log as they are.
var requestIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// observe is the outermost middleware: request id, hardening headers, access
// log, metrics. Only the route is logged and never the URL, which may hold what
// a confused caller put there.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !requestIDs.MatchString(id) {
			id = rand.Text()
		}
		header := c.Response().Header()
		header.Set(echo.HeaderXRequestID, id)
		header.Set(echo.HeaderXContentTypeOptions, "nosniff")
		noStore(header)
		if s.draining.Load() {
			// Whoever keeps the connection would find it closed under its next request.
			header.Set(echo.HeaderConnection, "close")
		}
		err := next(c)
		if err != nil {
			c.Error(err) // answers, so that the status below is the real one
		}
		s.record(c, id, time.Since(began), err)
		return nil
	}
}

func (s *Server) record(c echo.Context, id string, took time.Duration, err error) {
	endpoint, status := c.Path(), c.Response().Status
	if endpoint == "" || status == 404 {
		endpoint = "other" // paths that callers make up must not become labels
	}
	s.metrics.requests.WithLabelValues(endpoint, methodLabel(c.Request().Method), strconv.Itoa(status)).Inc()
	s.metrics.seconds.WithLabelValues(endpoint).Observe(took.Seconds())
	level := slog.LevelInfo
	attributes := []slog.Attr{
		slog.String("request_id", id), slog.String("method", methodLabel(c.Request().Method)), slog.String("endpoint", endpoint),
		slog.Int("status", status), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("remote", peer(c.Request().RemoteAddr)),
	}
	if client, ok := c.Get(keyClientID).(string); ok {
		attributes = append(attributes, slog.String("client_id", client))
	}
	if code, ok := c.Get(keyErrorCode).(string); ok {
		attributes = append(attributes, slog.String("code", code))
	}
	if err != nil {
		attributes = append(attributes, slog.String("error", err.Error()))
		switch {
		case status == http.StatusServiceUnavailable: // an outage, which its own part reports
			level = slog.LevelWarn
		case status >= 500:
			level = slog.LevelError
		}
	}
	if status < 400 && quiet(endpoint) {
		level = slog.LevelDebug
	}
	s.cfg.Logger.LogAttrs(c.Request().Context(), level, "request", attributes...)
}

// quiet are polled by machines; a line each would drown the others.
func quiet(endpoint string) bool {
	switch endpoint {
	case "/livez", "/readyz", "/readyz/sign", "/metrics":
		return true
	default:
		return false
	}
}

// methodLabel keeps methods that callers make up out of labels and log.
func methodLabel(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	default:
		return "other"
	}
}

// peer is the address that really connected. Forwarded headers are anybody's to write.
func peer(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// recovered turns a panic into an error like any other; the stack is for the
// log only.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if p := recover(); p != nil {
				s.metrics.panics.Inc()
				err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		return next(c)
	}
}
