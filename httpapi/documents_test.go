package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/httpapi"
	"signet/signer"
)

const jwksPath = "/.well-known/jwks.json"

func TestJWKS(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.holder.Fail(signer.ErrUnavailable) // served from memory
	h.holder.FailKeys(signer.ErrUnavailable)
	want := h.keySet()
	w := h.send(request(http.MethodGet, jwksPath, ""))
	header := w.Header()
	if w.Code != http.StatusOK || w.Body.String() != string(want.Body) || header.Get("Content-Type") != "application/jwk-set+json" ||
		header.Get("ETag") != want.ETag || header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("status %d, headers %v: %s", w.Code, header, w.Body)
	}
	for name, c := range map[string]struct {
		values []string
		status int
	}{
		"the same":         {[]string{want.ETag}, 304},
		"weak":             {[]string{"W/" + want.ETag}, 304},
		"any":              {[]string{"*"}, 304},
		"one of a list":    {[]string{`"x", W/"y" ,` + want.ETag}, 304},
		"one of two lines": {[]string{`"x"`, want.ETag}, 304},
		"another":          {[]string{`"x"`}, 200},
		"without quotes":   {[]string{strings.Trim(want.ETag, `"`)}, 200},
		"empty":            {[]string{""}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r := request(method, jwksPath, "")
				r.Header["If-None-Match"] = c.values
				w := h.send(r)
				if w.Code != c.status || w.Header().Get("ETag") != want.ETag || w.Header().Get("Access-Control-Allow-Origin") != "*" || !strings.HasPrefix(w.Header().Get("Cache-Control"), "public, max-age=") {
					t.Errorf("%s: status %d, headers %v", method, w.Code, w.Header())
				}
				if c.status == http.StatusNotModified && w.Body.Len() != 0 {
					t.Errorf("body %q", w.Body)
				}
			}
		})
	}
}

// Rotation waits for the max-age promised: an answer may say less, never more.
func TestJWKSMaxAge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, promised := range []time.Duration{0, time.Second, 30 * time.Second, 5 * time.Minute, time.Hour} {
		h.set(func() { h.maxAge = promised })
		seen := map[int]bool{}
		for range 300 {
			var maxAge, stale int
			control := h.send(request(http.MethodGet, jwksPath, "")).Header().Get("Cache-Control")
			if n, err := fmt.Sscanf(control, "public, max-age=%d, stale-if-error=%d", &maxAge, &stale); n != 2 || err != nil {
				t.Fatalf("Cache-Control %q", control)
			}
			if got := time.Duration(maxAge) * time.Second; got > promised || got < promised*9/10-time.Second || stale != 3600 {
				t.Fatalf("%q where %v is promised", control, promised)
			}
			seen[maxAge] = true
		}
		if promised >= 5*time.Minute && len(seen) < 10 {
			t.Errorf("all verifiers come back together: %v", seen)
		}
	}
}

func TestJWKSBeforeTheFirstRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.set(func() { h.loaded = false })
	h.refused(h.send(request(http.MethodGet, jwksPath, "")), 503, "temporarily_unavailable")
	r := request(http.MethodGet, jwksPath, "")
	r.Header.Set("If-None-Match", "*")
	h.refused(h.send(r), 503, "temporarily_unavailable")
	h.set(func() { h.loaded = true })
	if w := h.send(request(http.MethodGet, jwksPath, "")); w.Code != http.StatusOK {
		t.Errorf("status %d", w.Code)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	for issuer, c := range map[string]struct{ oauth, oidc []string }{
		"https://tokens.example.com":  {[]string{"/.well-known/oauth-authorization-server"}, []string{"/.well-known/openid-configuration"}},
		"https://tokens.example.com/": {[]string{"/.well-known/oauth-authorization-server"}, []string{"/.well-known/openid-configuration"}},
		"https://tokens.example.com/tenant/a": {
			[]string{"/.well-known/oauth-authorization-server/tenant/a", "/tenant/a/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server"},
			[]string{"/tenant/a/.well-known/openid-configuration", "/.well-known/openid-configuration"},
		},
		"https://tokens.example.com/tenant/": {
			[]string{"/.well-known/oauth-authorization-server/tenant"}, []string{"/tenant/.well-known/openid-configuration"},
		},
		"https://tokens.example.com/a:b%2Fc": {
			[]string{"/.well-known/oauth-authorization-server/a:b%2Fc"}, []string{"/a:b%2Fc/.well-known/openid-configuration"},
		},
	} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *httpapi.Config) { c.Issuer = issuer })
			for _, path := range c.oauth {
				checkMetadata(t, h.send(request(http.MethodGet, path, "")), issuer, false)
			}
			for _, path := range c.oidc {
				checkMetadata(t, h.send(request(http.MethodGet, path, "")), issuer, true)
			}
			base := strings.TrimSuffix(strings.TrimPrefix(issuer, "https://tokens.example.com"), "/")
			for _, path := range []string{"/.well-known/oauth-authorization-server", base + "/.well-known/openid-configuration"} {
				if w := h.send(request(http.MethodHead, path, "")); w.Code != http.StatusOK {
					t.Errorf("HEAD %s: %d", path, w.Code)
				}
			}
			// And the endpoints are where it says, also behind a proxy that passes the path on.
			for _, path := range []string{"/oauth2/token", base + "/oauth2/token"} {
				if w := h.post("orders", path, "grant_type", "client_credentials"); w.Code != http.StatusOK {
					t.Errorf("%s: %d", path, w.Code)
				}
			}
			r := h.as("login", request(http.MethodPost, base+"/v1/tokens", "{}"))
			r.Header.Set("Content-Type", "application/json")
			w := h.send(r)
			h.refused(w, 400, "invalid_request")
			if w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s", w.Body)
			}
			if base != "" {
				h.refused(h.post("orders", "/other/oauth2/token", "grant_type", "client_credentials"), 404, "not_found")
				h.refused(h.post("orders", "/axb%2Fc/oauth2/token", "grant_type", "client_credentials"), 404, "not_found")
			}
		})
	}
}

func checkMetadata(t *testing.T, w *httptest.ResponseRecorder, issuer string, oidc bool) {
	t.Helper()
	body := object(t, w)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	base := strings.TrimSuffix(issuer, "/")
	for name, want := range map[string]string{
		"issuer": issuer, "token_endpoint": base + "/oauth2/token", "jwks_uri": base + jwksPath,
		"revocation_endpoint": base + "/oauth2/revoke", "introspection_endpoint": base + "/oauth2/introspect",
	} {
		if body[name] != want {
			t.Errorf("%s is %v, want %s", name, body[name], want)
		}
	}
	lists := map[string]string{
		"grant_types_supported":                         "[client_credentials refresh_token]",
		"token_endpoint_auth_methods_supported":         "[client_secret_basic client_secret_post]",
		"revocation_endpoint_auth_methods_supported":    "[client_secret_basic client_secret_post]",
		"introspection_endpoint_auth_methods_supported": "[client_secret_basic client_secret_post]",
		"response_types_supported":                      "[]",
	}
	if oidc {
		lists["response_types_supported"], lists["subject_types_supported"] = "[id_token]", "[public]"
		lists["id_token_signing_alg_values_supported"] = "[ES256 EdDSA]"
	}
	for name, want := range lists {
		if fmt.Sprint(body[name]) != want {
			t.Errorf("%s is %v, want %s", name, body[name], want)
		}
	}
	if len(body) != 5+len(lists) {
		t.Errorf("members %v", body)
	}
}
