package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
)

// noStore is for every answer but the published documents (RFC 6749 section 5.1).
func noStore(header http.Header) {
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("Pragma", "no-cache")
}

// writeJSON answers a JSON body without escaping for HTML: these are tokens, not pages.
func writeJSON(c echo.Context, status int, contentType string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.Blob(status, contentType, text)
}
