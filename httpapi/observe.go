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
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
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
		if id == "" || !requestIDs.MatchString(id) { // without the regexp where nobody sent one
			id = rand.Text()
		}
		of := begin(c, id)
		header := c.Response().Header()
		header[echo.HeaderXRequestID] = []string{id}
		header[echo.HeaderXContentTypeOptions] = noSniffValue
		noStore(header)
		if s.draining.Load() {
			// Whoever keeps the connection would find it closed under its next request.
			header.Set(echo.HeaderConnection, "close")
		}
		err := next(c)
		if err != nil {
			c.Error(err) // answers, so that the status below is the real one
		}
		s.record(c, of, time.Since(began), err)
		s.noteRefusal(c, err)
		return nil
	}
}

// record counts a request and writes its line.
func (s *Server) record(c echo.Context, of *call, took time.Duration, err error) {
	endpoint, status := c.Path(), c.Response().Status
	if endpoint == "" || status == 404 {
		endpoint = "other" // paths that callers make up must not become labels
	}
	s.metrics.requests.WithLabelValues(endpoint, methodLabel(c.Request().Method), strconv.Itoa(status)).Inc()
	s.metrics.seconds.WithLabelValues(endpoint).Observe(took.Seconds())
	worst, worstStatus := err, status
	if of.list != nil {
		worst, worstStatus = of.list.worst, of.list.status
	}
	level := levelOf(endpoint, status, worst, worstStatus)
	if !s.cfg.Logger.Enabled(of, level) {
		return
	}
	attributes := make([]slog.Attr, 0, 9)
	attributes = append(attributes,
		slog.String("request_id", of.requestID), slog.String("method", methodLabel(c.Request().Method)), slog.String("endpoint", endpoint),
		slog.Int("status", status), slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("remote", peer(c.Request().RemoteAddr)),
	)
	if of.clientID != "" {
		attributes = append(attributes, slog.String("client_id", of.clientID))
	}
	if of.code != "" {
		attributes = append(attributes, slog.String("code", of.code))
	}
	if list := of.list; list != nil {
		attributes = append(attributes, slog.Int("tokens", list.asked), slog.Int("failed", list.failed))
	}
	if worst != nil {
		attributes = append(attributes, slog.String("error", worst.Error()))
	}
	s.cfg.Logger.LogAttrs(of, level, requestLine, attributes...)
}

// levelOf is the level of a request's line, by its status and the worst error in it.
func levelOf(endpoint string, status int, worst error, worstStatus int) slog.Level {
	switch {
	case status < 400 && quiet(endpoint):
		return slog.LevelDebug
	case worst != nil && worstStatus == http.StatusServiceUnavailable: // an outage, which its own part reports
		return slog.LevelWarn
	case worst != nil && worstStatus >= 500:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// requestLine is the message of the access log.
const requestLine = "request"

// RequestLine says whether a record of the log is the line of a request that went
// well: there are as many as requests, and none of them is urgent.
func RequestLine(r *slog.Record) bool { return r.Message == requestLine && r.Level <= slog.LevelInfo }

// quiet are polled by machines; a line each would drown the others.
func quiet(endpoint string) bool {
	switch endpoint {
	case "/livez", "/readyz", "/readyz/sign", "/metrics":
		return true
	default:
		return strings.HasSuffix(endpoint, jwksPath) // behind the issuer's path, where it has one
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
