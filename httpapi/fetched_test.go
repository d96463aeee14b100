package httpapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"signet/signer"
)

// TestFetched: a key counts as fetched when a verifier got it, or hears that it
// has it already.
func TestFetched(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.published = []signer.Key{{Ring: "main"}, {Ring: "fast"}}
	etag := h.keySet().ETag
	get := func(method, ifNoneMatch string) *http.Request {
		r := request(method, jwksPath, "")
		r.Header.Set("If-None-Match", ifNoneMatch)
		return r
	}
	for _, c := range []struct {
		name         string
		request      *http.Request
		status, want int
	}{
		{"got", get(http.MethodGet, ""), 200, 2},
		{"has it", get(http.MethodGet, etag), 304, 2},
		{"had another", get(http.MethodGet, `"x"`), 200, 2},
		{"only asks", get(http.MethodHead, ""), 200, 0},
		{"another document", request(http.MethodGet, "/.well-known/openid-configuration", ""), 200, 0},
	} {
		before := h.fetched
		if w := h.send(c.request); w.Code != c.status || h.fetched-before != c.want {
			t.Errorf("%s: status %d, %d keys fetched, want %d and %d", c.name, w.Code, h.fetched-before, c.status, c.want)
		}
	}
	before := h.fetched
	h.public.ServeHTTP(gone{httptest.NewRecorder()}, get(http.MethodGet, ""))
	h.set(func() { h.loaded = false })
	h.send(get(http.MethodGet, etag))
	if h.fetched != before {
		t.Error("counted although nobody got it")
	}
}

// gone is the connection of somebody who has left.
type gone struct{ *httptest.ResponseRecorder }

func (gone) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }
