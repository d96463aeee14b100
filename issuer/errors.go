package issuer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/clients"
	"signet/refresh"
	"signet/signer"
)

// Code is an OAuth error code (RFC 6749 section 5.2, RFC 8707 section 2).
type Code string

// The codes that a use case can answer.
const (
	InvalidRequest     Code = "invalid_request"
	InvalidGrant       Code = "invalid_grant"
	UnauthorizedClient Code = "unauthorized_client"
	InvalidScope       Code = "invalid_scope"
	InvalidTarget      Code = "invalid_target"
	AccessDenied       Code = "access_denied"
	Unavailable        Code = "temporarily_unavailable"
	ServerError        Code = "server_error"
)

// Error is a refusal. Code and Description are for the caller; what is wrapped
// is for the log only.
type Error struct {
	Code Code
	// Description says what to mend. It names no secret, no token and nothing
	// of what is behind Signet.
	Description string
	// RetryAfter is when to come again; only with Unavailable.
	RetryAfter time.Duration

	cause error
}

func (e *Error) Error() string {
	text := string(e.Code) + ": " + e.Description
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.cause }

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Description: fmt.Sprintf(format, args...)}
}

// grantRefused is one answer for every cause, so that nobody learns from it
// whether a token ever existed.
func grantRefused(cause error) *Error {
	return &Error{Code: InvalidGrant, Description: "the refresh token is invalid, expired, revoked or was used before", cause: cause}
}

// asError translates what the packages below report. The dependency's own words
// stay in the cause.
func asError(err error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, refresh.ErrCursor):
		return &Error{Code: InvalidRequest, Description: "cursor is not one that a list has answered", cause: err}
	case errors.Is(err, refresh.ErrInvalid):
		return grantRefused(err)
	case errors.Is(err, clients.ErrScope):
		return &Error{Code: InvalidScope, Description: err.Error(), cause: err}
	case errors.Is(err, clients.ErrTarget):
		return &Error{Code: InvalidTarget, Description: err.Error(), cause: err}
	case errors.Is(err, signer.ErrInvalidClaims):
		return &Error{Code: InvalidRequest, Description: err.Error(), cause: err}
	case errors.Is(err, signer.ErrOverloaded):
		return &Error{Code: Unavailable, Description: "too many tokens are being signed or checked at the moment", RetryAfter: time.Second, cause: err}
	case errors.Is(err, signer.ErrUnavailable):
		return &Error{Code: Unavailable, Description: "tokens cannot be signed or checked at the moment", RetryAfter: 2 * time.Second, cause: err}
	case errors.Is(err, refresh.ErrUnavailable), errors.Is(err, errDenylist):
		return &Error{Code: Unavailable, Description: "sessions cannot be read or written at the moment", RetryAfter: 2 * time.Second, cause: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Code: Unavailable, Description: "the request took too long", RetryAfter: time.Second, cause: err}
	default:
		return &Error{Code: ServerError, Description: "internal error", cause: err}
	}
}

// errDenylist marks what a Denylist reports: it has no other failure than not
// being reachable.
var errDenylist = errors.New("the denylist cannot be asked")
