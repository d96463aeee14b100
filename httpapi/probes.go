package httpapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// probe is the body of every probe; a person reads it, a machine the status.
type probe struct {
	Status string            `json:"status"`
	Reason string            `json:"reason,omitempty"`
	Rings  map[string]string `json:"rings,omitempty"`
	Alarms []Alarm           `json:"alarms,omitempty"`
}

func (s *Server) writeProbe(c echo.Context, ok bool, p probe) error {
	status := http.StatusOK
	p.Status = "ok"
	if !ok {
		status, p.Status = http.StatusServiceUnavailable, "unavailable"
	}
	return writeJSON(c, status, echo.MIMEApplicationJSON, p)
}

// livez depends on nothing: an outage of Vault must not restart every replica.
func (s *Server) livez(c echo.Context) error { return s.writeProbe(c, true, probe{}) }

// readyz stays 200 while Vault is sealed: the JWK set must stay reachable. Nor
// do alarms change it: what they are about is the same for every replica.
func (s *Server) readyz(c echo.Context) error {
	p := probe{Alarms: s.alarms()}
	switch {
	case s.draining.Load():
		p.Reason = "draining"
	case !s.cfg.Ready():
		p.Reason = "the keys have not been read yet; the log says why"
	}
	return s.writeProbe(c, p.Reason == "", p)
}

// alarms has whole seconds, in UTC: a person reads it.
func (s *Server) alarms() []Alarm {
	out := slices.Clone(s.cfg.Alarms())
	for i := range out {
		out[i].Since = out[i].Since.UTC().Truncate(time.Second)
	}
	return out
}

// readyzSign is the last canary of every ring. Vault's own words stay in the log.
func (s *Server) readyzSign(c echo.Context) error {
	results := s.cfg.Signing()
	p := probe{Rings: map[string]string{}}
	for _, ring := range s.cfg.Rings {
		switch err, tried := results[ring]; {
		case !tried:
			p.Rings[ring] = "not tried yet"
		case err != nil:
			p.Rings[ring] = "failing; the log says why"
		default:
			p.Rings[ring] = "ok"
		}
	}
	failing := slices.ContainsFunc(s.cfg.Rings, func(ring string) bool { return p.Rings[ring] != "ok" })
	return s.writeProbe(c, !failing, p)
}

func (s *Server) metricsPage() echo.HandlerFunc {
	return echo.WrapHandler(promhttp.HandlerFor(s.cfg.Gatherer, promhttp.HandlerOpts{}))
}
