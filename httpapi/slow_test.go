package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"
)

// waitingBody is a body that comes when the deadline has passed.
type waitingBody struct {
	r    *http.Request
	text io.Reader
}

func (b waitingBody) Read(p []byte) (int, error) {
	<-b.r.Context().Done()
	return b.text.Read(p)
}

func (waitingBody) Close() error { return nil }

// TestSlowBody: a caller's own slowness must not look like an outage of ours.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.as("orders", request(http.MethodPost, "/oauth2/token", "grant_type=client_credentials"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	r = r.WithContext(ctx)
	r.Body = waitingBody{r, r.Body}
	h.refused(h.send(r), http.StatusRequestTimeout, "invalid_request")
}
