package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"
)

// call is one request on its way: its context, and what is known so far for the
// access log and the records. It is one value, because each other way to hand
// something on (a context around the context, a copy of the request, a map) is
// paid for by every token.
type call struct {
	context.Context //nolint:containedctx // it is the request's own

	requestID string
	clientID  string // once it is proven
	claimedID string // of who did not prove it
	code      string // of the error that was answered
	list      *listOutcome
}

// begin makes the call of a request.
func begin(c echo.Context, requestID string) *call {
	r := c.Request()
	of := &call{Context: r.Context(), requestID: requestID}
	c.SetRequest(r.WithContext(of))
	return of
}

// callOf is the call of a request that was begun.
func callOf(c echo.Context) *call {
	of, ok := c.Request().Context().(*call)
	if !ok { // whatever replaced the context keeps the access log from knowing more
		return &call{Context: c.Request().Context()}
	}
	return of
}
