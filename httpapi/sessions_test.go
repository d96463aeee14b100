package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"testing"
	"time"
)

func (h *house) ask(client, method, target string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.send(h.as(client, request(method, target, "")))
}

// TestSessions goes through the life of some, as their owner and as an admin.
func TestSessions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var access, refreshToken string
	for range 3 {
		access, refreshToken = h.login()
	}
	list := object(t, h.ask("login", http.MethodGet, "/v1/sessions?subject=user:alice&limit=2"))
	sessions, _ := list["sessions"].([]any)
	next, _ := list["next"].(string)
	if len(sessions) != 2 || next == "" {
		t.Fatalf("listed %v", list)
	}
	newest, _ := sessions[0].(map[string]any)
	moments := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	for _, name := range []string{"created_at", "last_used_at", "idle_expires_at", "expires_at"} {
		text, _ := newest[name].(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil || !moments.MatchString(text) {
			t.Errorf("%s is %q", name, text)
		}
	}
	if newest["client_id"] != "login" || newest["subject"] != "user:alice" || newest["scope"] != "profile mail" || fmt.Sprint(newest["audience"]) != "["+api+"]" {
		t.Errorf("listed %v", newest)
	}
	rest := object(t, h.ask("admin", http.MethodGet, "/v1/sessions?subject=user:alice&client=login&cursor="+url.QueryEscape(next)))
	if more, _ := rest["sessions"].([]any); len(more) != 1 || rest["next"] != nil {
		t.Errorf("the second page is %v", rest)
	}
	// Of this session, which need not be the first listed: others may be as new.
	sid, _ := payload(t, access)["sid"].(string)
	for _, want := range []float64{1, 0} {
		// However the sid is written (RFC 3986 section 6.2.2.2).
		w := h.ask("login", http.MethodDelete, fmt.Sprintf("/v1/sessions/%%%02X%s", sid[0], sid[1:]))
		if w.Code != http.StatusOK || object(t, w)["revoked"] != want {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
	h.refused(h.send(h.as("login", request(http.MethodPost, "/oauth2/token", "grant_type=refresh_token&refresh_token="+refreshToken))), http.StatusBadRequest, "invalid_grant")
	if w := h.ask("admin", http.MethodDelete, "/v1/sessions?subject=user:alice&client=login"); w.Code != http.StatusOK || object(t, w)["revoked"] != 2.0 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if empty := object(t, h.ask("login", http.MethodGet, "/v1/sessions?subject=user:alice")); len(empty["sessions"].([]any)) != 0 { //nolint:forcetypeassert // a test may panic
		t.Errorf("listed %v", empty)
	}
}

func TestSessionsRefuse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		client, method, target string
		status                 int
		code                   string
	}{
		"nobody named":             {"admin", "GET", "/v1/sessions", 400, "invalid_request"},
		"nobody to end":            {"admin", "DELETE", "/v1/sessions", 400, "invalid_request"},
		"an empty subject":         {"admin", "DELETE", "/v1/sessions?subject=", 400, "invalid_request"},
		"an empty client beside":   {"admin", "DELETE", "/v1/sessions?subject=x&client=", 400, "invalid_request"},
		"a subject twice":          {"admin", "DELETE", "/v1/sessions?subject=x&subject=y", 400, "invalid_request"},
		"a misspelt parameter":     {"admin", "DELETE", "/v1/sessions?subject=x&clinet=y", 400, "invalid_request"},
		"a limit where none is":    {"admin", "DELETE", "/v1/sessions?subject=x&limit=1", 400, "invalid_request"},
		"a parameter beside a sid": {"admin", "DELETE", "/v1/sessions/abc?subject=x", 400, "invalid_request"},
		"not UTF-8":                {"admin", "GET", "/v1/sessions?subject=%ff", 400, "invalid_request"},
		"no query":                 {"admin", "GET", "/v1/sessions?subject=%zz", 400, "invalid_request"},
		"limit 0":                  {"admin", "GET", "/v1/sessions?subject=x&limit=0", 400, "invalid_request"},
		"limit 1001":               {"admin", "GET", "/v1/sessions?subject=x&limit=1001", 400, "invalid_request"},
		"limit of letters":         {"admin", "GET", "/v1/sessions?subject=x&limit=ten", 400, "invalid_request"},
		"a cursor of nobody":       {"admin", "GET", "/v1/sessions?subject=x&cursor=abc", 400, "invalid_request"},
		"without the right":        {"orders", "GET", "/v1/sessions?client=orders", 403, "access_denied"},
		"another's":                {"login", "DELETE", "/v1/sessions?client=orders", 403, "access_denied"},
		"another method":           {"admin", "PUT", "/v1/sessions/abc", 405, "invalid_request"},
		"a path below a sid":       {"admin", "DELETE", "/v1/sessions/abc/def", 404, "not_found"},
	} {
		t.Run(name, func(*testing.T) { h.refused(h.ask(c.client, c.method, c.target), c.status, c.code) })
	}
	h.refused(h.send(request(http.MethodGet, "/v1/sessions?subject=x", "")), http.StatusUnauthorized, "invalid_client")
	h.refused(h.send(h.as("admin", request(http.MethodDelete, "/v1/sessions?subject=x", "client=login"))), http.StatusBadRequest, "invalid_request")
	h.refused(h.send(request(http.MethodDelete, "/v1/sessions?subject=", "")), http.StatusUnauthorized, "invalid_client")
}
