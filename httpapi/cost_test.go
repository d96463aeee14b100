package httpapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/httpapi"
	"signet/internal/sharedwrite"
	"signet/issuer"
)

// ready gives one token at once: what is left is what HTTP costs.
type ready struct{ httpapi.Tokens }

func (ready) ClientCredentials(context.Context, *clients.Client, issuer.ClientCredentialsRequest) (*issuer.Response, error) {
	return &issuer.Response{AccessToken: strings.Repeat("t", 700), TokenType: "Bearer", ExpiresIn: 5 * time.Minute}, nil
}

// costs are the requests whose cost is measured, by the endpoint.
func costs(t testing.TB) map[string]func() {
	t.Helper()
	h := newHouse(t, func(c *httpapi.Config) {
		c.Tokens = ready{c.Tokens}
		set := c.Keys()
		c.Keys = func() httpapi.KeySet { return set }
		c.Fetched = nil
		c.Logger = slog.New(sharedwrite.JSON(sharedwrite.New(io.Discard, time.Second), slog.LevelInfo, httpapi.RequestLine))
	})
	ask := func(method, path, body string) func() {
		r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
		if body != "" {
			r.Header.Set("Content-Type", formType)
			r.SetBasicAuth("orders", h.secrets["orders"])
			r.ContentLength = int64(len(body))
		}
		return func() {
			r.Body = io.NopCloser(strings.NewReader(body))
			w := &nowhere{header: http.Header{}}
			h.public.ServeHTTP(w, r)
			if w.status != http.StatusOK {
				t.Fatalf("%s: status %d", path, w.status)
			}
		}
	}
	return map[string]func(){
		"token": ask(http.MethodPost, "/oauth2/token", "grant_type=client_credentials"),
		"jwks":  ask(http.MethodGet, "/.well-known/jwks.json", ""),
	}
}

// nowhere is a ResponseWriter that keeps nothing but the status.
type nowhere struct {
	header http.Header
	status int
}

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(status int)      { n.status = status }

// TestAllocationsOfARequest: what a request allocates beyond net/http, signing
// left out. More makes every token dearer: the garbage collector takes a tenth of
// the time that a token costs.
func TestAllocationsOfARequest(t *testing.T) {
	all := costs(t)
	for endpoint, most := range map[string]float64{"token": 48, "jwks": 30} {
		if n := testing.AllocsPerRun(200, all[endpoint]); n > most {
			t.Errorf("%s: %.0f allocations, at most %.0f", endpoint, n, most)
		} else {
			t.Logf("%s: %.0f allocations", endpoint, n)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	for endpoint, ask := range costs(b) {
		b.Run(endpoint, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}
