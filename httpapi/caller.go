package httpapi

import (
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"signet/issuer"
)

// traceparent is version 00 of the header of that name, or of a later one that
// begins alike (W3C Trace Context section 3.2).
var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$`)

// traceID is the caller's trace, or the request's own id where it has none.
func traceID(c echo.Context) string {
	if values := c.Request().Header.Values("Traceparent"); len(values) == 1 {
		if m := traceparent.FindStringSubmatch(values[0]); m != nil && !strings.HasPrefix(values[0], "ff") && strings.Trim(m[1], "0") != "" {
			return m[1]
		}
	}
	return callOf(c).requestID
}

// calledBy leaves for the use cases' records how the request came in.
func (s *Server) calledBy(c echo.Context, method string) {
	of := callOf(c)
	of.Context = issuer.WithCaller(of.Context, issuer.Caller{Auth: method, Remote: peer(c.Request().RemoteAddr), TraceID: traceID(c)})
}
