package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"signet/internal/jsonappend"
	"signet/issuer"
)

// appendToken writes the members of RFC 6749 section 5.1, durations in whole
// seconds. Every token pays for it, so it is not left to encoding/json.
func appendToken(b []byte, r *issuer.Response) []byte {
	b = append(b, `{"access_token":`...)
	b = jsonappend.String(b, r.AccessToken)
	b = append(b, `,"token_type":`...)
	b = jsonappend.String(b, r.TokenType)
	b = append(b, `,"expires_in":`...)
	b = strconv.AppendInt(b, int64(r.ExpiresIn/time.Second), 10)
	if r.Scope != "" {
		b = append(b, `,"scope":`...)
		b = jsonappend.String(b, r.Scope)
	}
	if r.RefreshToken != "" {
		b = append(b, `,"refresh_token":`...)
		b = jsonappend.String(b, r.RefreshToken)
	}
	if seconds := int64(r.RefreshExpiresIn / time.Second); seconds != 0 {
		b = append(b, `,"refresh_expires_in":`...)
		b = strconv.AppendInt(b, seconds, 10)
	}
	return append(b, '}')
}

// tokenRoom is what appendToken writes at most, but for escapes.
func tokenRoom(r *issuer.Response) int {
	const names = 160 // and numbers
	return names + len(r.AccessToken) + len(r.TokenType) + len(r.Scope) + len(r.RefreshToken)
}

func writeToken(c echo.Context, r *issuer.Response) error {
	text := appendToken(make([]byte, 0, tokenRoom(r)), r)
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(text, '\n'))
}
