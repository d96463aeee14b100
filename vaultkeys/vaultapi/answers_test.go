package vaultapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/vaultkeys/vaultapi"
)

// sentinels are all kinds that an error may be recognised as.
var sentinels = map[string]error{
	"unavailable": vaultapi.ErrUnavailable, "denied": vaultapi.ErrPermissionDenied, "token": vaultapi.ErrTokenInvalid,
	"not found": vaultapi.ErrNotFound, "version": vaultapi.ErrVersionRefused, "bad request": vaultapi.ErrBadRequest,
	"sealed": vaultapi.ErrSealed, "login": vaultapi.ErrLogin, "malformed": vaultapi.ErrMalformed, "not mounted": vaultapi.ErrNotMounted,
}

// kinds are the names of the sentinels that err is, sorted by the table's use.
func kinds(err error) map[string]bool {
	out := map[string]bool{}
	for name, kind := range sentinels {
		if errors.Is(err, kind) {
			out[name] = true
		}
	}
	return out
}

func wantKinds(t testing.TB, err error, want ...string) {
	t.Helper()
	got := kinds(err)
	for _, name := range want {
		if !got[name] {
			t.Errorf("%v is not %q", err, name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%v is also %q", err, name)
	}
}

// TestRefusals: every refusal that Vault 1.21 is known to give, with its text
// as measured, and what else may answer in its place. No retries of any.
func TestRefusals(t *testing.T) {
	multi := func(messages ...string) string {
		return fmt.Sprintf("%d errors occurred:\n\t* %s\n\n", len(messages), strings.Join(messages, "\n\t* "))
	}
	vault := func(messages ...string) string {
		var quoted []string
		for _, m := range messages {
			quoted = append(quoted, fmt.Sprintf("%q", m))
		}
		return `{"errors":[` + strings.Join(quoted, ",") + `]}`
	}
	for name, c := range map[string]struct {
		path   string
		status int
		body   string
		want   []string
		result string
	}{
		"sealed":                       {"", 503, vault("Vault is sealed"), []string{"sealed", "unavailable"}, "sealed"},
		"sealed, by health":            {"sys/health", 503, `{"sealed":true}`, []string{"sealed", "unavailable"}, "sealed"},
		"overloaded":                   {"", 503, vault("overloaded, try again later"), []string{"unavailable"}, "unavailable"},
		"standby, by health":           {"sys/health", 429, `{"standby":true}`, []string{"unavailable"}, "standby"},
		"DR secondary":                 {"", 472, ``, []string{"unavailable"}, "standby"},
		"performance standby":          {"", 473, ``, []string{"unavailable"}, "standby"},
		"unhealthy cluster":            {"", 474, ``, []string{"unavailable"}, "unavailable"},
		"rate limit":                   {"", 429, vault("request path \"x\": rate limit quota exceeded"), []string{"unavailable"}, "rate_limited"},
		"not initialised":              {"", 501, vault("Vault is not initialized"), []string{"unavailable"}, "unavailable"},
		"removed from the cluster":     {"", 530, ``, []string{"unavailable"}, "unavailable"},
		"standby lags":                 {"", 412, vault("required index state not present"), []string{"unavailable"}, "unavailable"},
		"standby is read only":         {"", 400, vault("cannot write to readonly storage"), []string{"unavailable"}, "unavailable"},
		"audit device blocks":          {"", 500, vault("internal error"), []string{"unavailable"}, "unavailable"},
		"audit device full":            {"", 500, vault(multi("failed to audit request, cannot continue")), []string{"unavailable"}, "unavailable"},
		"proxy without an upstream":    {"", 502, `<html>Bad Gateway</html>`, []string{"unavailable"}, "unavailable"},
		"proxy's 404":                  {"", 404, `<html>Not Found</html>`, []string{"malformed", "unavailable"}, "malformed"},
		"proxy's 403":                  {"", 403, `Forbidden`, []string{"malformed", "unavailable"}, "malformed"},
		"another service's 404":        {"", 404, `{"message":"no such page"}`, []string{"malformed", "unavailable"}, "malformed"},
		"redirect without end":         {"", 308, ``, []string{"unavailable"}, "unavailable"},
		"policy":                       {"", 403, vault(multi("permission denied")), []string{"denied"}, "permission_denied"},
		"parameter not allowed":        {"", 403, vault(multi("permission denied")), []string{"denied"}, "permission_denied"},
		"nothing there":                {"", 404, `{"errors":[]}`, []string{"not found"}, "not_found"},
		"nothing there, with warnings": {"", 404, `{"request_id":"r","data":{}}`, []string{"not found"}, "not_found"},
		"not mounted":                  {"", 404, vault("no handler for route \"x\". route entry not found."), []string{"not mounted", "not found"}, "not_found"},
		"unsupported path":             {"", 404, vault(multi("unsupported path")), []string{"bad request"}, "bad_request"},
		"unsupported operation":        {"", 405, vault(multi("unsupported operation")), []string{"bad request"}, "bad_request"},
		"key to use is missing":        {"", 400, vault("signing key not found"), []string{"not found"}, "not_found"},
		"bad parameter":                {"", 400, vault("unable to decode input"), []string{"bad request"}, "bad_request"},
		"no JSON":                      {"", 500, vault("error parsing JSON"), []string{"bad request"}, "bad_request"},
		"sign below the minimum":       {"", 500, vault(multi("requested version for signing is less than the minimum encryption key version")), []string{"version"}, "version_refused"},
		"sign above the latest":        {"", 500, vault(multi("requested version for signing is higher than the latest key version")), []string{"version"}, "version_refused"},
		"verify below the minimum":     {"", 400, vault("ciphertext or signature version is disallowed by policy (too old)"), []string{"version"}, "version_refused"},
		"hmac of no version":           {"", 400, vault("no such key version"), []string{"version"}, "version_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.path
			if path == "" {
				path = "engine/thing"
			}
			s := newServer()
			s.before = func(r *http.Request) *http.Response {
				if strings.HasPrefix(r.URL.Path, "/v1/auth/") {
					return nil
				}
				return answer(c.status, c.body)
			}
			conn := connect(t, s, appRole(), nil)
			var out struct{}
			_, err := conn.Write(t.Context(), path, map[string]string{"a": "b"}, &out)
			wantKinds(t, err, c.want...)
			var detail *vaultapi.Error
			if !errors.As(err, &detail) || detail.Status != c.status || detail.Path != path || detail.Op != "write" {
				t.Errorf("detail %+v", detail)
			}
			if strings.ContainsAny(err.Error(), "\n\t") {
				t.Errorf("the error has several lines: %q", err)
			}
			if n := s.count(path); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if n := conn.metric(t, "signet_vault_requests_total", "other", c.result); n != 1 {
				t.Errorf("result %q is counted %v times", c.result, n)
			}
		})
	}
}

// TestMalformedAnswers: a 200 is not yet an answer.
func TestMalformedAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"empty":            ``,
		"not JSON":         `<html>captive portal</html>`,
		"a list":           `[{"data":{}}]`,
		"cut off":          `{"request_id":"r","data":{"value":"x"`,
		"cut in the data":  `{"request_id":"r","data":{"val`,
		"without data":     `{"request_id":"r"}`,
		"null data":        `{"request_id":"r","data":null}`,
		"data is a list":   `{"data":["x"]}`,
		"data is a text":   `{"data":"x"}`,
		"value is a list":  `{"data":{"value":["x"]}}`,
		"number for an id": `{"request_id":5,"data":{"value":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			s.before = func(r *http.Request) *http.Response {
				if strings.HasSuffix(r.URL.Path, goodPath) {
					return reply(body)
				}
				return nil
			}
			c := connect(t, s, appRole(), nil)
			wantKinds(t, c.read(t), "malformed", "unavailable")
			if s.count(goodPath) != 1 {
				t.Error("retried")
			}
		})
	}
}

// TestLoginAnswersWithoutAToken: 200 as well.
func TestLoginAnswersWithoutAToken(t *testing.T) {
	for name, body := range map[string]string{
		"empty":       ``,
		"no auth":     `{"request_id":"r","data":{}}`,
		"null auth":   `{"auth":null}`,
		"no token":    `{"auth":{"lease_duration":60}}`,
		"two lines":   `{"auth":{"client_token":"hvs.a\nX-Injected: 1","lease_duration":60}}`,
		"auth a list": `{"auth":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer()
			s.before = func(*http.Request) *http.Response { return reply(body) }
			c := connect(t, s, appRole(), nil)
			wantKinds(t, c.read(t), "login", "unavailable")
			if s.count(goodPath) != 0 {
				t.Error("a request was sent without a token")
			}
		})
	}
}

func TestAnswersWithoutContent(t *testing.T) {
	for name, resp := range map[string]func() *http.Response{
		"204":       func() *http.Response { return answer(http.StatusNoContent, "") },
		"empty 200": func() *http.Response { return reply("") },
	} {
		s := newServer()
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, goodPath) {
				return resp()
			}
			return nil
		}
		c := connect(t, s, appRole(), nil)
		if _, err := c.Write(t.Context(), goodPath, nil, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var out struct{}
		_, err := c.Read(t.Context(), goodPath, &out)
		wantKinds(t, err, "malformed", "unavailable")
	}
}

// TestMeta is what callers compare clocks by and quote to auditors.
func TestMeta(t *testing.T) {
	s := newServer()
	date := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s.before = func(r *http.Request) *http.Response {
		if !strings.HasSuffix(r.URL.Path, goodPath) {
			return nil
		}
		resp := reply(`{"request_id":"the-id","data":{"value":"x"},"unknown":{"to":["us"]},"warnings":["mind"]}`)
		resp.Header.Set("Date", date.Format(http.TimeFormat))
		return resp
	}
	c := connect(t, s, appRole(), nil)
	var out struct{ Value string }
	meta, err := c.Read(t.Context(), goodPath, &out)
	if err != nil || meta.RequestID != "the-id" || !meta.Date.Equal(date) || out.Value != "x" {
		t.Errorf("%+v, %v, %+v", meta, err, out)
	}
}

func TestRequests(t *testing.T) {
	s := newServer()
	c := connect(t, s, appRole(), func(c *vaultapi.Config) { c.Namespace = "team/a" })
	ctx := t.Context()
	var out struct{}
	for _, do := range []func() error{
		func() error { _, err := c.Read(ctx, goodPath, &out); return err },
		func() error { _, err := c.Write(ctx, goodPath, map[string]int{"n": 1}, &out); return err },
		func() error { _, err := c.Write(ctx, goodPath, nil, nil); return err },
		func() error { _, err := c.Delete(ctx, goodPath); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	want := []struct{ method, body string }{{"GET", ""}, {"POST", `{"n":1}`}, {"POST", ""}, {"DELETE", ""}}
	got := s.requests(goodPath)
	for i, w := range want {
		if got[i].method != w.method || got[i].body != w.body || got[i].header.Get("X-Vault-Token") != "hvs.token-1" {
			t.Errorf("request %d: %s %q", i, got[i].method, got[i].body)
		}
	}
	for _, r := range s.requests("") {
		if r.header.Get("X-Vault-Namespace") != "team/a" || r.header.Get("X-Vault-Request") != "true" {
			t.Errorf("%s %s: headers %v", r.method, r.path, r.header)
		}
	}
	if login := s.requests(loginPath)[0]; login.header.Get("X-Vault-Token") != "" {
		t.Error("the login carries a token")
	}
}

// TestPathsAreTakenAsTheyStand: Vault would clean dots away by a redirect to
// something else.
func TestPathsAreTakenAsTheyStand(t *testing.T) {
	for _, path := range []string{"", "/a", "a/", "a//b", "a/../b", "./a", "a/..", "a\nb", "a/\x00"} {
		s := newServer()
		c := connect(t, s, appRole(), nil)
		_, err := c.Read(t.Context(), path, nil)
		wantKinds(t, err, "bad request")
		if n := len(s.requests("")) - s.count(loginPath); n != 0 {
			t.Errorf("%q was sent", path)
		}
	}
}

// TestSecretsAreNeverShown: whoever answers may echo what it was sent, and a
// path may be a mistake.
func TestSecretsAreNeverShown(t *testing.T) {
	echo := func(r *http.Request) *http.Response {
		return refusal(http.StatusBadRequest, "bad token "+r.Header.Get("X-Vault-Token"), "role "+roleID+" secret "+secretID)
	}
	t.Run("login", func(t *testing.T) {
		s := newServer()
		s.before = echo
		c := connect(t, s, appRole(), nil)
		if err := c.read(t); !strings.Contains(err.Error(), "[redacted]") {
			t.Errorf("the server's text is lost: %v", err)
		}
	})
	t.Run("request", func(t *testing.T) {
		s := newServer()
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, goodPath) {
				return refusal(http.StatusForbidden, "permission denied for "+r.Header.Get("X-Vault-Token"))
			}
			return nil
		}
		c := connect(t, s, appRole(), nil)
		if err := c.read(t); !errors.Is(err, vaultapi.ErrPermissionDenied) {
			t.Error(err)
		}
	})
	t.Run("warnings", func(t *testing.T) {
		s := newServer()
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, goodPath) {
				return reply(fmt.Sprintf(`{"warnings":["do not use %s"],"data":{"value":"x"}}`, r.Header.Get("X-Vault-Token")))
			}
			return nil
		}
		c := connect(t, s, appRole(), nil)
		c.mustRead(t)
		if !strings.Contains(c.log.String(), "do not use") {
			t.Error("the warning is lost")
		}
	})
	t.Run("long and wild", func(t *testing.T) {
		s := newServer()
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, goodPath) {
				return refusal(http.StatusBadRequest, strings.Repeat("ä\r\n\x1b[31m", 1<<12))
			}
			return nil
		}
		c := connect(t, s, appRole(), nil)
		if text := c.read(t).Error(); len(text) > 1024 || strings.ContainsAny(text, "\r\n\x1b") {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	})
}

// FuzzAnswer: whatever a server says, the outcome is either data or exactly one
// general kind of error, and never the token.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{`{"data":{"value":"x"}}`, `{"errors":["permission denied"]}`, `{"errors":null}`, `[]`, `{"data":null,"data":{}}`, ``} {
		for _, status := range []int{200, 204, 307, 400, 403, 404, 429, 500, 503} {
			f.Add(status, body)
		}
	}
	general := []string{"unavailable", "denied", "token", "not found", "version", "bad request"}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 || strings.Contains(body, "hvs.") {
			return // net/http itself refuses the first
		}
		s := newServer()
		s.grant("hvs.fuzz", 0, 0)
		s.before = func(r *http.Request) *http.Response {
			if strings.HasSuffix(r.URL.Path, goodPath) {
				return answer(status, body)
			}
			return nil
		}
		c := connect(t, s, vaultapi.Token(fixed("hvs.fuzz")), nil)
		var out struct {
			Value string `json:"value"`
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Read(ctx, goodPath, &out)
		if err == nil {
			if status/100 != 2 {
				t.Errorf("status %d is no error", status)
			}
			return
		}
		wantNoSecret(t, "an error", err.Error())
		n, got := 0, kinds(err)
		for _, name := range general {
			if got[name] {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%v is %d kinds of error: %v", err, n, got)
		}
	})
}
