package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
)

// noStore is for every answer (RFC 6749 section 5.1) but the published documents.
func noStore(header http.Header) {
	header.Set(echo.HeaderCacheControl, "no-store")
	header.Set("Pragma", "no-cache")
}

// cacheable is for the published documents.
func cacheable(header http.Header, control string) {
	header.Set(echo.HeaderCacheControl, control)
	header.Del("Pragma")
}

// writeJSON answers a JSON body without escaping for HTML: these are tokens, not pages.
func writeJSON(c echo.Context, status int, contentType string, body any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return err
	}
	return c.Blob(status, contentType, text.Bytes())
}
