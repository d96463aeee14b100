package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/clients"
	"signet/httpapi"
	"signet/issuer"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		given string
		kept  bool
	}{
		"good":         {"aZ09_-", true},
		"longest":      {strings.Repeat("a", 64), true},
		"too long":     {strings.Repeat("a", 65), false},
		"none":         {"", false},
		"space":        {"a b", false},
		"newline":      {"a\nb", false},
		"ends in one":  {"a\n", false},
		"quote":        {`a"`, false},
		"not ASCII":    {"é", false},
		"markup":       {"<script>", false},
		"a log record": {`{"msg":"x"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(http.MethodGet, jwksPath, "")
			r.Header.Set("X-Request-Id", c.given)
			got := h.send(r).Header().Get("X-Request-Id")
			if (got == c.given) != c.kept || len(got) < 6 {
				t.Errorf("given %q, got %q", c.given, got)
			}
			if !strings.Contains(h.log.String(), `"request_id":"`+got+`"`) {
				t.Errorf("%s is not in the log", got)
			}
		})
	}
}

// records are the access log's lines.
func (h *house) records() (all []map[string]any) {
	h.t.Helper()
	for line := range strings.Lines(h.log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			h.t.Fatalf("%v: %s", err, line)
		}
		if record["msg"] == "request" {
			all = append(all, record)
		}
	}
	return all
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	r := h.as("orders", request(http.MethodPost, "/oauth2/token?x=IN-THE-URL", "grant_type=client_credentials&scope=IN-THE-BODY"))
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("X-Forwarded-For", "203.0.113.9") // anybody's to write
	r.Header.Set("X-Real-Ip", "203.0.113.9")
	h.send(r)
	h.send(request(http.MethodGet, "/IN-THE-URL", ""))
	h.sendTo(h.ops, request(http.MethodGet, "/livez", ""))
	h.set(func() { h.ready = false })
	h.sendTo(h.ops, request(http.MethodGet, "/readyz", ""))
	h.send(request(http.MethodGet, jwksPath, ""))
	want := []map[string]any{
		{"level": "INFO", "method": "POST", "endpoint": "/oauth2/token", "status": 400.0, "remote": "192.0.2.7", "client_id": "orders", "code": "invalid_scope"},
		{"level": "INFO", "method": "GET", "endpoint": "other", "status": 404.0, "code": "not_found"},
		{"level": "DEBUG", "method": "GET", "endpoint": "/livez", "status": 200.0},
		{"level": "INFO", "method": "GET", "endpoint": "/readyz", "status": 503.0},
		{"level": "DEBUG", "method": "GET", "endpoint": jwksPath, "status": 200.0},
	}
	got := h.records()
	if len(got) != len(want) {
		t.Fatalf("%d records: %s", len(got), h.log)
	}
	for i := range want {
		for name, value := range want[i] {
			if got[i][name] != value {
				t.Errorf("record %d: %s is %v, want %v", i, name, got[i][name], value)
			}
		}
	}
	for _, text := range []string{"IN-THE-URL", "203.0.113.9", h.secrets["orders"]} {
		if strings.Contains(h.log.String(), text) {
			t.Errorf("%q is in the log: %s", text, h.log)
		}
	}
}

// scripted are use cases that do what a test says.
type scripted struct {
	httpapi.Tokens
	do func(context.Context) error
}

func (s scripted) ClientCredentials(ctx context.Context, _ *clients.Client, _ issuer.ClientCredentialsRequest) (*issuer.Response, error) {
	return nil, s.do(ctx)
}

func TestPanic(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *httpapi.Config) {
		c.Tokens = scripted{do: func(context.Context) error { panic("the secret is 42") }}
	})
	for range 2 { // and it serves on
		w := h.post("orders", "/oauth2/token", "grant_type", "client_credentials")
		h.refused(w, 500, "server_error")
		for _, text := range []string{"42", "goroutine", ".go:", "panic"} {
			if strings.Contains(w.Body.String(), text) {
				t.Errorf("%q is told: %s", text, w.Body)
			}
		}
	}
	if n := h.counted("signet_http_panics_total"); n != 2 {
		t.Errorf("%v panics counted", n)
	}
	if n := h.counted("signet_http_requests_total", "status=500"); n != 2 {
		t.Errorf("%v requests counted", n)
	}
	if record := h.records()[0]; record["level"] != "ERROR" || !strings.Contains(record["error"].(string), "observe_test.go") { //nolint:forcetypeassert // a panic fails the test as well
		t.Errorf("the log does not say where: %v", record)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *httpapi.Config) {
		c.Deadline = 20 * time.Millisecond
		c.Tokens = scripted{do: func(ctx context.Context) error {
			<-ctx.Done()
			return &issuer.Error{Code: issuer.Unavailable, Description: "too slow"} // without a time to come again
		}}
	})
	w := h.post("orders", "/oauth2/token", "grant_type", "client_credentials")
	h.refused(w, 503, "temporarily_unavailable")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
	}
}

// Whatever a use case answers goes through the table.
func TestEveryCodeHasItsStatus(t *testing.T) {
	t.Parallel()
	for code, status := range map[issuer.Code]int{
		issuer.InvalidRequest: 400, issuer.InvalidGrant: 400, issuer.UnauthorizedClient: 400, issuer.InvalidScope: 400,
		issuer.InvalidTarget: 400, issuer.AccessDenied: 403, issuer.Unavailable: 503, issuer.ServerError: 500,
	} {
		h := newHouse(t, func(c *httpapi.Config) {
			c.Tokens = scripted{do: func(context.Context) error {
				return &issuer.Error{Code: code, Description: "a \"quoted\" \\ text\nof <two> lines é", RetryAfter: 7 * time.Second}
			}}
		})
		h.refused(h.post("orders", "/oauth2/token", "grant_type", "client_credentials"), status, string(code))
	}
	h := newHouse(t, func(c *httpapi.Config) {
		c.Tokens = scripted{do: func(context.Context) error { return context.DeadlineExceeded }}
	})
	h.refused(h.post("orders", "/oauth2/token", "grant_type", "client_credentials"), 500, "server_error") // not through issuer: a bug
}
