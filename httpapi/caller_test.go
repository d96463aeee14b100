package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/httpapi"
	"signet/issuer"
	"signet/signer"
)

// asked is a Tokens that remembers how requests came in.
type asked struct {
	httpapi.Tokens

	sign *seen
}

// seen is a signer that remembers where the wish for a token came from.
type seen struct {
	issuer.Signer

	origin signer.Origin
}

func (s *seen) Sign(ctx context.Context, ring string, c signer.Claims, o signer.Origin) (signer.Token, error) {
	s.origin = o
	return s.Signer.Sign(ctx, ring, c, o)
}

// TestCaller: how the client authenticated, from where, and in which trace.
func TestCaller(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for name, c := range map[string]struct {
		parent []string
		post   bool
		want   signer.Origin
	}{
		"no trace":       {nil, false, signer.Origin{Auth: "client_secret_basic", TraceID: "req-1"}},
		"by the body":    {nil, true, signer.Origin{Auth: "client_secret_post", TraceID: "req-1"}},
		"a trace":        {[]string{"00-" + trace + "-00f067aa0ba902b7-01"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: trace}},
		"a later form":   {[]string{"01-" + trace + "-00f067aa0ba902b7-01-more"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: trace}},
		"version ff":     {[]string{"ff-" + trace + "-00f067aa0ba902b7-01"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: "req-1"}},
		"a trace of 0":   {[]string{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: "req-1"}},
		"two of them":    {[]string{"00-" + trace + "-00f067aa0ba902b7-01", "x"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: "req-1"}},
		"something else": {[]string{"<script>"}, false, signer.Origin{Auth: "client_secret_basic", TraceID: "req-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &asked{sign: &seen{}}
			h := newHouse(t, func(cfg *httpapi.Config) { a.Tokens, cfg.Tokens = cfg.Tokens, a })
			a.sign.Signer = signer.New(signer.Config{Keys: h.holder, Backend: h.holder, Issuer: issuerURL})
			body := "grant_type=client_credentials"
			r := request(http.MethodPost, "/oauth2/token", body)
			if c.post {
				r = request(http.MethodPost, "/oauth2/token", body+"&client_id=orders&client_secret="+h.secrets["orders"])
			} else {
				r = h.as("orders", r)
			}
			r.Header.Set("X-Request-Id", "req-1")
			for _, p := range c.parent {
				r.Header.Add("Traceparent", p)
			}
			if w := h.send(r); w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			want := c.want
			want.Grant, want.Remote = "client_credentials", "192.0.2.1"
			if a.sign.origin != want {
				t.Errorf("the wish comes from %+v, want %+v", a.sign.origin, want)
			}
		})
	}
}

// ClientCredentials signs with the test's own signer, to see what it is told.
func (a *asked) ClientCredentials(ctx context.Context, client *clients.Client, r issuer.ClientCredentialsRequest) (*issuer.Response, error) {
	i := issuer.New(issuer.Config{Signer: a.sign, Rings: map[string]time.Duration{"main": time.Hour}, DefaultRing: "main"})
	return i.ClientCredentials(ctx, client, r)
}
