package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Values of headers that never differ, made once. Nothing changes a header's values
// in place: Set puts others there, Add makes a longer list.
var (
	noSniffValue   = []string{"nosniff"}
	noStoreValue   = []string{"no-store"}
	noCacheValue   = []string{"no-cache"}
	anyOriginValue = []string{"*"}
	jwkSetValue    = []string{"application/jwk-set+json"}
)

// noStore is for every answer (RFC 6749 section 5.1) but the published documents.
func noStore(header http.Header) {
	header[echo.HeaderCacheControl] = noStoreValue
	header["Pragma"] = noCacheValue
}

// cacheable is for the published documents, which scripts of any origin may read (CORS).
func cacheable(header http.Header, control string) {
	header[echo.HeaderCacheControl] = []string{control}
	delete(header, "Pragma")
	header[echo.HeaderAccessControlAllowOrigin] = anyOriginValue
}

// writeJSON answers a JSON body without escaping for HTML: these are tokens, not pages.
func writeJSON(c echo.Context, status int, contentType string, body any) error {
	text, err := encode(body)
	if err != nil {
		return err
	}
	return c.Blob(status, contentType, text)
}

// encode is JSON as we write it: a line, with what would be markup in HTML as it is.
func encode(body any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(body)
	return text.Bytes(), err
}
