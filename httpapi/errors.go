package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"signet/issuer"
)

// Codes that only HTTP knows; the others are issuer's.
const (
	invalidClient        issuer.Code = "invalid_client"
	unsupportedGrantType issuer.Code = "unsupported_grant_type"
	notFound             issuer.Code = "not_found"
)

// statuses is the one table from code to status (RFC 6749 section 5.2).
var statuses = map[issuer.Code]int{
	issuer.InvalidRequest:     http.StatusBadRequest,
	invalidClient:             http.StatusUnauthorized,
	issuer.InvalidGrant:       http.StatusBadRequest,
	issuer.UnauthorizedClient: http.StatusBadRequest,
	unsupportedGrantType:      http.StatusBadRequest,
	issuer.InvalidScope:       http.StatusBadRequest,
	issuer.InvalidTarget:      http.StatusBadRequest,
	issuer.AccessDenied:       http.StatusForbidden,
	issuer.Unavailable:        http.StatusServiceUnavailable,
	issuer.ServerError:        http.StatusInternalServerError,
	notFound:                  http.StatusNotFound,
}

// refusal is an error that HTTP itself found.
type refusal struct {
	code        issuer.Code
	description string
	// status overrides the table's, where the protocol has a better one.
	status int
	// retryAfter is when to come again; only with issuer.Unavailable.
	retryAfter time.Duration
	cause      error
}

func (r *refusal) Error() string {
	text := string(r.code) + ": " + r.description
	if r.cause != nil {
		text += ": " + r.cause.Error()
	}
	return text
}

func (r *refusal) Unwrap() error { return r.cause }

func malformed(format string, args ...any) *refusal {
	return &refusal{code: issuer.InvalidRequest, description: fmt.Sprintf(format, args...)}
}

// malformedWith is malformed with a status that says more than 400.
func malformedWith(status int, format string, args ...any) *refusal {
	r := malformed(format, args...)
	r.status = status
	return r
}

// answer is a refusal as it goes out.
type answer struct {
	status      int
	code        issuer.Code
	description string
	retryAfter  time.Duration
}

// retrySeconds is what Retry-After says.
func (a answer) retrySeconds() int { return max(1, int(a.retryAfter/time.Second)) }

func answerOf(err error) answer {
	if e, ok := errors.AsType[*refusal](err); ok {
		a := answer{status: e.status, code: e.code, description: e.description, retryAfter: e.retryAfter}
		if a.status == 0 {
			a.status = statuses[e.code]
		}
		return a
	}
	if e, ok := errors.AsType[*issuer.Error](err); ok {
		return answer{status: statuses[e.Code], code: e.Code, description: e.Description, retryAfter: e.RetryAfter}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return answerOfEcho(e)
	}
	return answer{status: http.StatusInternalServerError, code: issuer.ServerError, description: "internal error"}
}

// answerOfEcho is for what the router finds.
func answerOfEcho(e *echo.HTTPError) answer {
	switch e.Code {
	case http.StatusNotFound:
		return answer{status: e.Code, code: notFound, description: "there is nothing at this path"}
	case http.StatusMethodNotAllowed:
		return answer{status: e.Code, code: issuer.InvalidRequest, description: "this path has another method, see Allow"}
	default:
		return answer{status: http.StatusInternalServerError, code: issuer.ServerError, description: "internal error"}
	}
}

// writeError is echo's error handler: whatever went wrong, anywhere, is
// answered here.
func (s *Server) writeError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	a := answerOf(err)
	header := c.Response().Header()
	noStore(header)
	if a.status == http.StatusUnauthorized {
		header.Set(echo.HeaderWWWAuthenticate, `Basic realm="signet", charset="UTF-8"`)
	}
	if a.status == http.StatusServiceUnavailable {
		header.Set(echo.HeaderRetryAfter, strconv.Itoa(a.retrySeconds()))
	}
	callOf(c).code = string(a.code)
	var writing error
	if strings.HasPrefix(strings.TrimPrefix(routePath(c.Request().URL), s.base), "/v1/") {
		writing = writeJSON(c, a.status, "application/problem+json", problemOf(a))
	} else {
		writing = writeJSON(c, a.status, echo.MIMEApplicationJSON, struct {
			Error       issuer.Code `json:"error"`
			Description string      `json:"error_description,omitempty"`
		}{a.code, describable(a.description)})
	}
	if writing != nil {
		s.cfg.Logger.DebugContext(c.Request().Context(), "the caller left before the answer", "error", writing)
	}
}

// problem is RFC 9457, with the OAuth code as an extension member.
type problem struct {
	Type   string      `json:"type"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Detail string      `json:"detail,omitempty"`
	Error  issuer.Code `json:"error"`
}

func problemOf(a answer) problem {
	return problem{"about:blank", http.StatusText(a.status), a.status, describable(a.description), a.code}
}

// describable keeps a description to the characters of RFC 6749 section 5.2:
// %x20-21 / %x23-5B / %x5D-7E.
func describable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		default:
			return r
		}
	}, text)
}
