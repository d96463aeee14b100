package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"signet/audit"
	"signet/audit/schematest"
	"signet/httpapi"
)

// TestRefusalsAreNoted: who was refused what, and who was not who he said. Neither
// an outage, nor a body that nobody answers for, is a refusal.
func TestRefusalsAreNoted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		auth, path, body string
		want             audit.Record
	}{
		"a scope":                {"orders", "/oauth2/token", "grant_type=client_credentials&scope=nope", audit.Record{Event: audit.EventRefused, ClientID: "orders", Code: "invalid_scope"}},
		"a grant":                {"login", "/oauth2/token", "grant_type=client_credentials", audit.Record{Event: audit.EventRefused, ClientID: "login", Code: "unauthorized_client"}},
		"a refresh token":        {"login", "/oauth2/token", "grant_type=refresh_token&refresh_token=sgr_x", audit.Record{Event: audit.EventRefused, ClientID: "login", Code: "invalid_grant"}},
		"a wrong secret":         {"", "/oauth2/token", "grant_type=client_credentials&client_id=orders&client_secret=bad", audit.Record{Event: audit.EventAuthenticationFailed, ClientID: "orders", Code: "invalid_client"}},
		"nobody":                 {"", "/oauth2/introspect", "token=x", audit.Record{Event: audit.EventAuthenticationFailed, Code: "invalid_client"}},
		"a long id":              {"", "/oauth2/revoke", "token=x&client_secret=y&client_id=" + long, audit.Record{Event: audit.EventAuthenticationFailed, ClientID: long[:128] + "...", Code: "invalid_client"}},
		"control characters":     {"", "/oauth2/revoke", "token=x&client_secret=y&client_id=a%00%1bb%c3%a9", audit.Record{Event: audit.EventAuthenticationFailed, ClientID: "a??b?", Code: "invalid_client"}},
		"malformed, by nobody":   {"", "/oauth2/token", "grant_type=a&grant_type=b", audit.Record{}},
		"granted":                {"orders", "/oauth2/token", "grant_type=client_credentials", audit.Record{}},
		"inactive is no refusal": {"login", "/oauth2/introspect", "token=x", audit.Record{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notes := &schematest.Notes{}
			h := newHouse(t, func(c *httpapi.Config) { c.Journal = notes })
			r := request(http.MethodPost, c.path, c.body)
			r.Header.Set("X-Request-Id", "req-1")
			if c.auth != "" {
				r = h.as(c.auth, r)
			}
			h.send(r)
			got := notes.Take(t)
			if c.want.Event == "" {
				if len(got) != 0 {
					t.Fatalf("noted: %+v", got)
				}
				return
			}
			if len(got) != 1 {
				t.Fatalf("noted: %+v", got)
			}
			g, w := got[0], c.want
			if g.Event != w.Event || g.ClientID != w.ClientID || g.Code != w.Code || g.Endpoint != c.path || g.Remote != "192.0.2.1" || g.TraceID != "req-1" || g.Reason == "" {
				t.Errorf("noted %+v, want %+v", g, w)
			}
		})
	}
}

func TestOutageIsNoRefusal(t *testing.T) {
	t.Parallel()
	notes := &schematest.Notes{}
	h := newHouse(t, func(c *httpapi.Config) { c.Journal = notes })
	_, token := h.login()
	h.redis.SetError("LOADING")
	if w := h.send(h.as("login", request(http.MethodPost, "/oauth2/token", "grant_type=refresh_token&refresh_token="+token))); w.Code != http.StatusServiceUnavailable {
		t.Fatalf("status %d", w.Code)
	}
	if got := notes.Take(t); len(got) != 0 {
		t.Errorf("noted: %+v", got)
	}
}
