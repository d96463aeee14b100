package httpapi

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/labstack/echo/v4"
)

// Server serves both listeners' requests. It listens nowhere itself.
type Server struct {
	cfg      Config
	base     string // see basePath
	draining atomic.Bool
	lists    lists
	metrics  *metrics
}

// New makes a Server.
func New(c Config) *Server {
	c.defaults()
	return &Server{cfg: c, base: c.basePath(), metrics: newMetrics(c.Registerer)}
}

// Drain makes /readyz answer 503 from now on, so that load balancers turn away
// before the listener closes.
func (s *Server) Drain() { s.draining.Store(true) }

// Public is the handler of the public listener.
func (s *Server) Public() http.Handler {
	e := s.echo()
	documents := map[string]echo.HandlerFunc{
		jwksPath: s.jwks,
		"/.well-known/oauth-authorization-server": s.authorizationServer(),
		"/.well-known/openid-configuration":       s.openIDConfiguration(),
	}
	operations := map[string]echo.HandlerFunc{
		"/oauth2/token":      s.token,
		"/oauth2/revoke":     s.revoke,
		"/oauth2/introspect": s.introspect,
		"/v1/tokens":         s.issue,
	}
	// Echo takes a colon for the beginning of a parameter.
	base := strings.ReplaceAll(s.base, ":", `\:`)
	prefixes := []string{""}
	if base != "" {
		prefixes = append(prefixes, base)
		// RFC 8414 section 3.1 puts the issuer's path behind the well-known one.
		e.Match([]string{http.MethodGet, http.MethodHead}, "/.well-known/oauth-authorization-server"+base, s.authorizationServer())
	}
	for _, prefix := range prefixes {
		e.GET(prefix+"/v1/sessions", s.listSessions, s.deadline)
		e.DELETE(prefix+"/v1/sessions", s.endSessions, s.deadline)
		e.DELETE(prefix+"/v1/sessions/:sid", s.endSession, s.deadline)
		for path, handler := range operations {
			e.POST(prefix+path, handler, s.deadline)
		}
		for path, handler := range documents {
			e.Match([]string{http.MethodGet, http.MethodHead}, prefix+path, handler)
		}
	}
	return e
}

// Ops is the handler of the ops listener.
func (s *Server) Ops() http.Handler {
	e := s.echo()
	probes := map[string]echo.HandlerFunc{"/livez": s.livez, "/readyz": s.readyz, "/metrics": s.metricsPage()}
	if s.cfg.Signing != nil {
		probes["/readyz/sign"] = s.readyzSign
	}
	for path, handler := range probes {
		e.Match([]string{http.MethodGet, http.MethodHead}, path, handler) // some load balancers ask with HEAD
	}
	return e
}

func (s *Server) echo() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = s.writeError
	e.Use(s.observe, s.recovered)
	return e
}

// deadline ends what a handler waits for, so that every request ends. The others
// answer from memory.
func (s *Server) deadline(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		of := callOf(c)
		ctx, cancel := context.WithTimeout(of.Context, s.cfg.Deadline)
		defer cancel()
		of.Context = ctx
		return next(c)
	}
}
