package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/httpapi"
	"signet/signer"
)

func TestProbes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	probe := func(path string, status int, words ...string) {
		t.Helper()
		w := h.sendTo(h.ops, request(http.MethodGet, path, ""))
		if w.Code != status || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, status, w.Body)
		}
		if state := object(t, w)["status"]; (status == 200) != (state == "ok") {
			t.Errorf("%s: status %d says %v", path, status, state)
		}
		for _, word := range words {
			if !strings.Contains(w.Body.String(), word) {
				t.Errorf("%s does not say %q: %s", path, word, w.Body)
			}
		}
		if head := h.sendTo(h.ops, request(http.MethodHead, path, "")); head.Code != status {
			t.Errorf("HEAD %s: status %d", path, head.Code)
		}
	}
	probe("/livez", 200)
	probe("/readyz", 200)
	probe("/readyz/sign", 200, "main", "fast")

	h.set(func() {
		h.signs = map[string]error{"main": errors.New("Post https://10.0.0.7:8200: hvs.SECRET"), "fast": nil}
	})
	probe("/readyz/sign", 503, `"main":"failing`, `"fast":"ok"`)
	if w := h.sendTo(h.ops, request(http.MethodGet, "/readyz/sign", "")); strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("Vault's own words are told: %s", w.Body)
	}
	h.set(func() { h.signs = map[string]error{"main": nil} })
	probe("/readyz/sign", 503, `"fast":"not tried yet"`)
	h.holder.Fail(signer.ErrUnavailable)
	probe("/readyz", 200) // or an outage of Vault would take the JWK set down everywhere
	probe("/livez", 200)

	h.set(func() { h.ready = false })
	probe("/readyz", 503, "the keys have not been read yet")
	probe("/livez", 200)
	h.set(func() { h.ready = true })
	h.Drain()
	probe("/readyz", 503, "draining")
	probe("/livez", 200)
	h.holder.Fail(nil)
	if w := h.post("orders", "/oauth2/token", "grant_type", "client_credentials"); w.Code != http.StatusOK {
		t.Errorf("draining, and does not serve on: %d", w.Code)
	} else if w.Header().Get("Connection") != "close" {
		t.Error("draining, and lets callers keep a connection that is about to close")
	}
	for _, path := range []string{"/livez/", "/oauth2/token", "/", "/debug/pprof/"} {
		h.refused(h.sendTo(h.ops, request(http.MethodGet, path, "")), 404, "not_found")
	}
	h.refused(h.sendTo(h.ops, request(http.MethodPost, "/livez", "")), 405, "invalid_request")
}

// TestReadyzListsAlarms: what holds is told, and changes no status.
func TestReadyzListsAlarms(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	readyz := func(path string) string {
		return strings.TrimSpace(h.sendTo(h.ops, request(http.MethodGet, path, "")).Body.String())
	}
	if got := readyz("/readyz"); got != `{"status":"ok"}` {
		t.Errorf("without alarms: %s", got)
	}
	since := time.Date(2026, 3, 1, 13, 0, 0, 999, time.FixedZone("", 3600))
	h.set(func() {
		h.alarms = []httpapi.Alarm{
			{Ring: "main", Kind: "key_changed", Version: 2, KID: "abc", Since: since}, {Ring: "fast", Kind: "stale", Since: since},
		}
	})
	const list = `"alarms":[{"ring":"main","kind":"key_changed","version":2,"kid":"abc","since":"2026-03-01T12:00:00Z"},` +
		`{"ring":"fast","kind":"stale","since":"2026-03-01T12:00:00Z"}]}`
	if got := readyz("/readyz"); got != `{"status":"ok",`+list {
		t.Errorf("with alarms: %s", got)
	}
	for _, path := range []string{"/livez", "/readyz/sign"} {
		if got := readyz(path); strings.Contains(got, "alarms") {
			t.Errorf("%s: %s", path, got)
		}
	}
	h.Drain()
	if got := readyz("/readyz"); got != `{"status":"unavailable","reason":"draining",`+list {
		t.Errorf("draining: %s", got)
	}
}

func TestMetricsPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.post("orders", "/oauth2/token", "grant_type", "client_credentials")
	h.send(request("IN-THE-URL", "/IN-THE-URL?token=IN-THE-URL", ""))
	h.send(request("IN-THE-URL", "/oauth2/token", ""))
	w := h.sendTo(h.ops, request(http.MethodGet, "/metrics", ""))
	text := w.Body.String()
	for _, want := range []string{
		`signet_http_requests_total{endpoint="/oauth2/token",method="POST",status="200"} 1`,
		`signet_http_requests_total{endpoint="other",method="other",status="404"} 1`,
		`signet_http_requests_total{endpoint="/oauth2/token",method="other",status="405"} 1`,
		`signet_http_request_duration_seconds_count{endpoint="/oauth2/token"} 2`,
		`signet_client_authentications_total{result="accepted"} 1`,
		`signet_http_panics_total 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "IN-THE-URL") || w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("status %d, %q:\n%s", w.Code, w.Header().Get("Content-Type"), text)
	}
	none := newHouse(t, func(c *httpapi.Config) { c.Registerer, c.Gatherer = nil, nil })
	if w := none.sendTo(none.ops, request(http.MethodGet, "/metrics", "")); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}
