package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"signet/signer"
)

// post sends a form as a client.
func (h *house) post(client, path string, parameters ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(parameters); i += 2 {
		form.Add(parameters[i], parameters[i+1])
	}
	return h.send(h.as(client, request(http.MethodPost, path, form.Encode())))
}

// issueJSON sends a body to /v1/tokens as login.
func (h *house) issueJSON(body string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := h.as("login", request(http.MethodPost, "/v1/tokens", body))
	r.Header.Set("Content-Type", "application/json")
	return h.send(r)
}

// payload is what a token says.
func payload(t *testing.T, token any) map[string]any {
	t.Helper()
	text, _ := token.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %v", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, c := range map[string]struct {
		form  string
		aud   string
		scope any
	}{
		"defaults":                  {"", "[" + api + "]", "billing:read"},
		"scope":                     {"&scope=orders%3A7", "[" + api + "]", "orders:7"},
		"an audience":               {"&audience=billing", "[billing]", "billing:read"},
		"a resource":                {"&resource=" + api, "[" + api + "]", "billing:read"},
		"both":                      {"&resource=" + api + "&audience=billing", "[billing " + api + "]", "billing:read"},
		"two audiences":             {"&audience=billing&audience=" + api, "[billing " + api + "]", "billing:read"},
		"empty values":              {"&scope=&audience=&resource=&audience=", "[" + api + "]", "billing:read"},
		"unknown parameters, twice": {"&foo=1&foo=2&%ff=x", "[" + api + "]", "billing:read"},
		"id in the body too":        {"&client_id=orders", "[" + api + "]", "billing:read"},
		"empty secret in the body":  {"&client_secret=", "[" + api + "]", "billing:read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := h.send(h.as("orders", request(http.MethodPost, "/oauth2/token", "grant_type=client_credentials"+c.form)))
			body := object(t, w)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" || body["token_type"] != "Bearer" || body["expires_in"] != 300.0 || body["scope"] != c.scope {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			if _, given := body["refresh_token"]; given || len(body) != 4 {
				t.Errorf("body %v", body)
			}
			claims := payload(t, body["access_token"])
			aud := claims["aud"]
			if one, ok := aud.(string); ok {
				aud = []any{one}
			}
			if fmt.Sprint(aud) != c.aud || claims["sub"] != "orders" || claims["exp"].(float64)-claims["iat"].(float64) != 300 { //nolint:forcetypeassert // a panic fails the test as well
				t.Errorf("claims %v", claims)
			}
		})
	}
}

func TestWaysToAuthenticate(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	odd := "a~b/c@d" // must be escaped by RFC 6749 section 2.3.1, and often is not
	raw := func(id string) string {
		return base64.StdEncoding.EncodeToString([]byte(id + ":" + h.secrets[id]))
	}
	for name, c := range map[string]struct{ header, form string }{
		"Basic":                   {basic("orders", h.secrets["orders"]), ""},
		"basic":                   {"basic " + raw("orders"), ""},
		"BASIC and two spaces":    {"BASIC  " + raw("orders"), ""},
		"Basic, escaped":          {basic(odd, h.secrets[odd]), ""},
		"Basic, not escaped":      {"Basic " + raw(odd), ""},
		"post":                    {"", "&client_id=orders&client_secret=" + h.secrets["orders"]},
		"post, escaped":           {"", "&client_id=" + url.QueryEscape(odd) + "&client_secret=" + h.secrets[odd]},
		"post, with content type": {"", "&client_id=orders&client_secret=" + h.secrets["orders"]},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(http.MethodPost, "/oauth2/token", "grant_type=client_credentials"+c.form)
			r.Header.Set("Content-Type", "Application/X-WWW-Form-URLencoded; charset=UTF-8")
			r.Header.Set("Content-Encoding", "identity")
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			if w := h.send(r); w.Code != http.StatusOK {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
	h.send(request(http.MethodPost, "/oauth2/token", "grant_type=client_credentials"))
	h.send(h.as("nobody", request(http.MethodPost, "/oauth2/token", "grant_type=client_credentials")))
	if accepted, refused := h.counted("signet_client_authentications_total", "result=accepted"), h.counted("signet_client_authentications_total", "result=refused"); accepted != 8 || refused != 2 {
		t.Errorf("%v accepted, %v refused", accepted, refused)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	access, first := h.login()
	w := h.post("login", "/oauth2/token", "grant_type", "refresh_token", "refresh_token", first, "scope", "mail")
	body := object(t, w)
	second, _ := body["refresh_token"].(string)
	if w.Code != http.StatusOK || body["scope"] != "mail" || len(second) != 78 || second == first {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if left, _ := body["refresh_expires_in"].(float64); left < 604700 || left > 604800 { // Redis has the real time
		t.Errorf("the session ends in %v s", left)
	}
	again := object(t, h.post("login", "/oauth2/token", "grant_type", "refresh_token", "refresh_token", first))
	if again["refresh_token"] != second {
		t.Errorf("a retry got %v", again)
	}
	active := func(token string, hint ...string) bool {
		t.Helper()
		w := h.post("login", "/oauth2/introspect", append([]string{"token", token}, hint...)...)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		body := object(t, w)
		if body["active"] == false && len(body) != 1 {
			t.Errorf("an inactive token is told about: %v", body)
		}
		return body["active"] == true
	}
	for _, hint := range []string{"access_token", "refresh_token", "nonsense"} { // only a hint
		if !active(access, "token_type_hint", hint) || !active(second, "token_type_hint", hint) {
			t.Errorf("inactive with hint %s", hint)
		}
	}
	for _, token := range []string{"x", "sgr_x", access + "x", second + "x"} {
		if active(token) {
			t.Error("active")
		}
		if w := h.post("login", "/oauth2/revoke", "token", token); w.Code != http.StatusOK {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	}
	if w := h.post("orders", "/oauth2/revoke", "token", second); w.Code != http.StatusOK || !active(second) {
		t.Errorf("revoked by another: %d", w.Code)
	}
	if w := h.post("login", "/oauth2/revoke", "token", second, "token_type_hint", "access_token"); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if active(second) || active(access) {
		t.Error("active after its revocation")
	}
	h.refused(h.post("login", "/oauth2/token", "grant_type", "refresh_token", "refresh_token", second), 400, "invalid_grant")
	h.refused(h.post("orders", "/oauth2/introspect", "token", access), 403, "access_denied")
}

func TestIssue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.issueJSON(` {"subject": "user:al\u0069ce", "audience": ["` + api + `"], "scope": "profile", "claims": {"tenant": {"a<b>": [1, 2.50, "&"]}},
		"ttl": "90s", "ring": "fast", "refresh": true, "label": "Firefox \u2013 Linux"} ` + "\n")
	body := object(t, w)
	if w.Code != http.StatusOK || body["expires_in"] != 90.0 || body["scope"] != "profile" || body["token_type"] != "Bearer" || body["refresh_token"] == nil || len(body) != 6 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	claims := payload(t, body["access_token"])
	if claims["sub"] != "user:alice" || claims["client_id"] != "login" || claims["sid"] == nil || claims["auth_time"] == nil ||
		fmt.Sprint(claims["tenant"]) != "map[a<b>:[1 2.5 &]]" {
		t.Errorf("claims %v", claims)
	}
	for _, text := range []string{`{"subject":"user:alice"}`, `{"subject":"user:alice","audience":[],"scope":"","claims":{},"ttl":"","ring":"","refresh":false,"label":""}`} {
		if body := object(t, h.issueJSON(text)); body["expires_in"] != 300.0 || body["refresh_token"] != nil {
			t.Errorf("%s: %v", text, body)
		}
	}
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	issued := object(t, h.issueJSON(`{"subject":"user:alice","refresh":true,"claims":{"tenant":"a<b>","username":["x"]}}`))
	access, _ := issued["access_token"].(string)
	token, _ := issued["refresh_token"].(string)
	w := h.post("login", "/oauth2/introspect", "token", access)
	got, want := object(t, w), payload(t, access)
	want["active"], want["token_type"] = true, "Bearer"
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !strings.Contains(w.Body.String(), `"a<b>"`) {
		t.Errorf("escaped for a page: %s", w.Body)
	}
	got = object(t, h.post("login", "/oauth2/introspect", "token", token))
	for _, name := range []string{"active", "client_id", "sub", "aud", "scope", "sid", "exp", "iat", "auth_time"} {
		if got[name] == nil {
			t.Errorf("%s is missing", name)
		}
		delete(got, name)
	}
	if len(got) != 0 {
		t.Errorf("and also %v", got)
	}
}

func TestWithoutVault(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	access, token := h.login()
	h.holder.Fail(fmt.Errorf("%w: dial tcp 10.0.0.7:8200: hvs.SECRET", signer.ErrUnavailable))
	h.refused(h.post("orders", "/oauth2/token", "grant_type", "client_credentials"), 503, "temporarily_unavailable")
	h.refused(h.post("login", "/oauth2/token", "grant_type", "refresh_token", "refresh_token", token), 503, "temporarily_unavailable")
	w := h.issueJSON(goodJSON)
	h.refused(w, 503, "temporarily_unavailable")
	if w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("%s", w.Body)
	}
	if body := object(t, h.post("login", "/oauth2/introspect", "token", access)); body["active"] != true {
		t.Errorf("introspection needs Vault: %v", body)
	}
	h.holder.Fail(errors.New("hvs.SECRET 10.0.0.7"))
	w = h.post("orders", "/oauth2/token", "grant_type", "client_credentials")
	h.refused(w, 500, "server_error")
	if strings.Contains(w.Body.String(), "10.0.0.7") || !strings.Contains(h.log.String(), "10.0.0.7") {
		t.Errorf("%s", w.Body)
	}
}

func TestWithoutRedis(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	access, token := h.login()
	address := h.redis.Addr()
	h.redis.SetError("LOADING Redis is loading the dataset in memory")
	for _, w := range []*httptest.ResponseRecorder{
		h.post("login", "/oauth2/token", "grant_type", "refresh_token", "refresh_token", token),
		h.post("login", "/oauth2/introspect", "token", access),
		h.post("login", "/oauth2/introspect", "token", token),
		h.post("login", "/oauth2/revoke", "token", access),
		h.post("login", "/oauth2/revoke", "token", token),
		h.issueJSON(`{"subject":"user:alice","refresh":true}`),
	} {
		h.refused(w, 503, "temporarily_unavailable")
		if text := w.Body.String(); strings.Contains(text, address) || strings.Contains(text, "LOADING") {
			t.Errorf("Redis's own words are told: %s", text)
		}
	}
	if w := h.post("orders", "/oauth2/token", "grant_type", "client_credentials"); w.Code != http.StatusOK {
		t.Errorf("needs Redis: %s", w.Body)
	}
}
