package httpapi_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"signet/refresh"
)

// malformed is a request that must be refused, and how.
type malformed struct {
	name   string
	r      *http.Request
	status int
	code   string
}

var oauthEndpoints = []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"}

// A valid request to each endpoint, to be spoiled in one way at a time.
const (
	goodForm = "grant_type=refresh_token&refresh_token=sgr_none&token=none"
	goodJSON = `{"subject":"user:alice"}`
)

// TestMalformed: hundreds of bad requests get the right code of RFC 6749
// section 5.2, nothing that may be cached and never a 500; nothing of them is
// in the log; and the session whose token was mangled goes on.
func TestMalformed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	access, token := h.login()
	var all []malformed
	for _, endpoint := range oauthEndpoints {
		all = append(all, h.badOAuth(endpoint)...)
	}
	all = append(all, h.badTokenRequests(token)...)
	all = append(all, h.badIssues()...)
	all = append(all, h.badPaths()...)
	t.Logf("%d requests", len(all))
	if len(all) < 700 {
		t.Errorf("only %d requests", len(all))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			h := &house{t: t, public: h.public, secrets: h.secrets}
			head := m.r.Method == http.MethodHead
			w := h.send(m.r)
			if head {
				if w.Code != m.status {
					t.Errorf("status %d", w.Code)
				}
				return
			}
			h.refused(w, m.status, m.code)
		})
	}
	log := h.log.String()
	secrets := append(slices.Collect(maps.Values(h.secrets)), access, token, "IN-THE-URL", "IN-THE-BODY", token[4:40])
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Errorf("%.20q is in the log", secret)
		}
	}
	if got := h.counted("signet_http_requests_total"); int(got) != len(all)+1 {
		t.Errorf("%v requests counted of %d", got, len(all)+1)
	}
	w := h.send(h.as("login", request(http.MethodPost, "/oauth2/token", "grant_type=refresh_token&refresh_token="+token)))
	if w.Code != http.StatusOK {
		t.Errorf("the token is used up: %s", w.Body)
	}
}

func (h *house) badOAuth(endpoint string) (all []malformed) {
	add := func(name string, status int, change func(*http.Request)) {
		r := h.as("login", request(http.MethodPost, endpoint, goodForm))
		change(r)
		all = append(all, malformed{endpoint + "/" + name, r, status, "invalid_request"})
	}
	body := func(name, text string) {
		r := h.as("login", request(http.MethodPost, endpoint, text))
		all = append(all, malformed{endpoint + "/" + name, r, 400, "invalid_request"})
	}
	all = append(all, h.badTransport(endpoint, goodForm, "login")...)
	for _, contentType := range []string{
		"application/json", "text/plain", "multipart/form-data; boundary=x", "application/xml", formType + "; charset=latin1",
		formType + "; charset=utf-16", formType + ", application/json", formType + "; ;=", "application/*",
	} {
		add("type "+contentType, 415, func(r *http.Request) { r.Header.Set("Content-Type", contentType) })
	}
	add("two types", 415, func(r *http.Request) { r.Header.Add("Content-Type", formType) })

	repeatable := []string{"audience", "resource"}
	for _, name := range []string{
		"grant_type", "client_id", "client_secret", "scope", "audience", "resource", "refresh_token", "token", "token_type_hint",
		"access_token", "client_assertion", "client_assertion_type", "assertion", "subject_token", "actor_token",
	} {
		add("in the URL: "+name, 400, func(r *http.Request) { r.URL.RawQuery = name + "=IN-THE-URL" })
		add("in the URL, empty: "+name, 400, func(r *http.Request) { r.URL.RawQuery = name })
		body("not UTF-8: "+name, goodForm+"&"+name+"=IN-THE-BODY%ff")
		if !slices.Contains(repeatable, name) {
			body("repeated: "+name, name+"=a&"+name+"=a")
			body("repeated, empty: "+name, name+"=a&"+name+"=")
			body("repeated, encoded: "+name, name+"=a&"+fmt.Sprintf("%%%02x", name[0])+name[1:]+"=b")
		}
	}
	add("a query that cannot be read", 400, func(r *http.Request) { r.URL.RawQuery = "%zz=IN-THE-URL" })
	add("a query with a semicolon", 400, func(r *http.Request) { r.URL.RawQuery = "a=1;token=IN-THE-URL" })
	for name, text := range map[string]string{
		"lone percent": "%", "half escape": "token=%f", "bad escape": "token=%zz", "semicolon": "grant_type=a;token=b", "bad name": "%zz=a",
	} {
		body(name, text)
	}
	body("empty", "")
	body("only separators", "&&==&")
	body("other names only", "Token=a&GRANT_TYPE=client_credentials")
	body("empty values", "token=&grant_type=&refresh_token=")

	all = append(all, h.badCredentials(endpoint, goodForm)...)
	secret := h.secrets["login"]
	body("secret in both places", goodForm+"&client_id=login&client_secret="+secret)
	body("another secret in the body", goodForm+"&client_secret=wrong")
	body("another id in the body", goodForm+"&client_id=orders")
	for name, form := range map[string]string{
		"post: no secret": "&client_id=login", "post: empty secret": "&client_id=login&client_secret=", "post: no id": "&client_secret=" + secret,
		"post: wrong secret": "&client_id=login&client_secret=x" + secret[1:], "post: another's secret": "&client_id=orders&client_secret=" + secret,
		"post: unknown id": "&client_id=nobody&client_secret=" + secret, "post: NUL": "&client_id=login%00&client_secret=" + secret,
		"post: secret and newline": "&client_id=login&client_secret=" + secret + "%0a", "post: ID": "&client_id=LOGIN&client_secret=" + secret,
		"post: an assertion": "&client_id=login&client_assertion=IN-THE-BODY&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
	} {
		all = append(all, malformed{endpoint + "/" + name, request(http.MethodPost, endpoint, goodForm+form), 401, "invalid_client"})
	}
	return all
}

// badTransport is what every POST endpoint refuses alike.
func (h *house) badTransport(endpoint, good, client string) (all []malformed) {
	add := func(name string, status int, change func(*http.Request)) {
		r := h.as(client, request(http.MethodPost, endpoint, good))
		if strings.HasPrefix(good, "{") {
			r.Header.Set("Content-Type", "application/json")
		}
		change(r)
		all = append(all, malformed{endpoint + "/" + name, r, status, "invalid_request"})
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "post", "IN-THE-URL"} {
		add("method "+method, 405, func(r *http.Request) { r.Method = method })
	}
	add("no type", 415, func(r *http.Request) { r.Header.Del("Content-Type") })
	for _, encoding := range []string{"gzip", "deflate", "br", "GZIP", "identity, gzip", "x"} {
		add("encoding "+encoding, 415, func(r *http.Request) { r.Header.Set("Content-Encoding", encoding) })
	}
	add("two encodings", 415, func(r *http.Request) { r.Header["Content-Encoding"] = []string{"identity", "gzip"} })
	large := good + strings.Repeat(" ", 64<<10)
	add("too large", 413, func(r *http.Request) { *r = *spoiled(r, large, int64(len(large))) })
	add("too large, length unknown", 413, func(r *http.Request) { *r = *spoiled(r, large, -1) })
	add("too large by its header", 413, func(r *http.Request) { r.ContentLength = 1 << 40 })
	add("ends early", 400, func(r *http.Request) { r.Body = http.MaxBytesReader(nil, failing{}, 1) })
	return all
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, fmt.Errorf("unexpected EOF") }
func (failing) Close() error             { return nil }

func spoiled(r *http.Request, body string, length int64) *http.Request {
	fresh := request(r.Method, r.URL.Path, body)
	fresh.Header, fresh.ContentLength = r.Header, length
	return fresh
}

func (h *house) badCredentials(endpoint, good string) (all []malformed) {
	secret := h.secrets["login"]
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	plain := encoded("login:" + secret)
	headers := map[string]string{
		"nothing": "", "scheme only": "Basic", "scheme and space": "Basic ", "no base64": "Basic !!!", "no colon": "Basic " + encoded("login"),
		"url base64": "Basic " + base64.URLEncoding.EncodeToString([]byte("login:\xff\xfe\xff\xfe")), "no padding": "Basic " + strings.TrimRight(encoded("login:x"+secret), "="),
		"empty id": "Basic " + encoded(":"+secret), "empty secret": "Basic " + encoded("login:"), "only a colon": "Basic " + encoded(":"),
		"wrong secret": "Basic " + encoded("login:wrong"), "unknown client": "Basic " + encoded("nobody:"+secret), "another's": "Basic " + encoded("orders:"+secret),
		"bad escape": "Basic " + encoded("login%zz:"+secret), "bad escape in secret": "Basic " + encoded("login:%"), "NUL": "Basic " + encoded("login\x00:"+secret),
		"not UTF-8": "Basic " + encoded("\xff\xfe:"+secret), "Bearer": "Bearer " + secret, "Digest": "Digest username=login", "two in one": "Basic " + plain + ", Basic " + plain,
		"trailing": "Basic " + plain + " x", "tab": "Basic\t" + plain, "no scheme": plain, "very long": "Basic " + encoded("login:"+strings.Repeat("x", 1<<20)),
		"the hash": "Basic " + encoded("login:sha256:abc"), "spaces": "Basic " + encoded(" login : "+secret),
	}
	for name, header := range headers {
		r := h.as("login", request(http.MethodPost, endpoint, good))
		if strings.HasPrefix(good, "{") {
			r.Header.Set("Content-Type", "application/json")
		}
		r.Header.Set("Authorization", header)
		all = append(all, malformed{endpoint + "/Basic: " + name, r, 401, "invalid_client"})
	}
	none := request(http.MethodPost, endpoint, good)
	two := h.as("login", request(http.MethodPost, endpoint, good))
	two.Header.Add("Authorization", two.Header.Get("Authorization"))
	for _, r := range []*http.Request{none, two} {
		if strings.HasPrefix(good, "{") {
			r.Header.Set("Content-Type", "application/json")
		}
	}
	return append(all,
		malformed{endpoint + "/no credentials", none, 401, "invalid_client"},
		malformed{endpoint + "/two headers", two, 400, "invalid_request"})
}

// badTokenRequests are authentic requests to the token endpoint; token is a
// refresh token that all of them leave alone.
func (h *house) badTokenRequests(token string) (all []malformed) {
	add := func(client, name, code string, parameters ...string) {
		form := url.Values{}
		for i := 0; i < len(parameters); i += 2 {
			form.Add(parameters[i], parameters[i+1])
		}
		all = append(all, malformed{"token/" + name, h.as(client, request(http.MethodPost, "/oauth2/token", form.Encode())), 400, code})
	}
	for _, grant := range []string{
		"password", "authorization_code", "implicit", "client_credentials ", " client_credentials", "CLIENT_CREDENTIALS", "client-credentials",
		"refresh_token\x00", "issue", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange", "\x00", "é", "*",
	} {
		add("login", "grant "+grant, "unsupported_grant_type", "grant_type", grant)
	}
	add("login", "no grant", "invalid_request")
	add("login", "no refresh token", "invalid_request", "grant_type", "refresh_token")
	add("login", "not its grant", "unauthorized_client", "grant_type", "client_credentials")
	add("orders", "not its grant either", "unauthorized_client", "grant_type", "refresh_token", "refresh_token", token)
	for _, scope := range []string{
		"admin", "billing:read admin", " ", " billing:read", "billing:read ", "billing:read  orders:1", "billing:read\torders:1", "billing:read\x00", "\"", "\\", "é", "orders:*", "*",
		strings.Repeat("x", 10_000), "billing:read,orders:1", "BILLING:READ",
	} {
		add("orders", fmt.Sprintf("scope %.20q", scope), "invalid_scope", "grant_type", "client_credentials", "scope", scope)
	}
	for _, audience := range []string{
		"x", api + "/", strings.ToUpper(api), api + " ", api + "\x00", "https://api.example.com.evil.example", "*", "https://*", api + "#", "http://api.example.com",
	} {
		add("orders", fmt.Sprintf("audience %q", audience), "invalid_target", "grant_type", "client_credentials", "audience", audience)
		add("orders", fmt.Sprintf("resource %q", audience), "invalid_target", "grant_type", "client_credentials", "resource", audience)
		add("orders", fmt.Sprintf("audience and %q", audience), "invalid_target", "grant_type", "client_credentials", "audience", api, "audience", audience)
	}
	add("orders", "a name as a resource", "invalid_target", "grant_type", "client_credentials", "resource", "billing") // good as an audience
	add("orders", "a fragment", "invalid_target", "grant_type", "client_credentials", "resource", "urn:x#y")           // likewise
	add("orders", "an empty fragment", "invalid_target", "grant_type", "client_credentials", "resource", api+"#")
	add("orders", "a resource without scheme", "invalid_target", "grant_type", "client_credentials", "resource", "//api.example.com")
	add("orders", "no URL", "invalid_target", "grant_type", "client_credentials", "resource", "https://[::1")

	bad := func(name, text string) {
		add("login", "refresh token "+name, "invalid_grant", "grant_type", "refresh_token", "refresh_token", text)
	}
	for i := range refresh.TokenLength {
		for _, c := range []byte{'A', '!', 0} {
			if token[i] == c {
				c = 'B'
			}
			bad(fmt.Sprintf("with %q at %d", c, i), token[:i]+string(c)+token[i+1:])
		}
		if i > 0 {
			bad(fmt.Sprintf("cut to %d", i), token[:i])
		}
	}
	for name, text := range map[string]string{
		"extended": token + "A", "padded": token + "=", "twice": token + token, "and newline": token + "\n", "and space": token + " ", "behind a space": " " + token,
		"and NUL": token + "\x00", "in capitals": strings.ToUpper(token), "in small letters": strings.ToLower(token), "a JWT": "eyJhbGciOiJub25lIn0.e30.", "very long": strings.Repeat("sgr_", 10_000),
		"of zeros": "sgr_" + strings.Repeat("A", 74), "of others": "sgr_" + strings.Repeat("_", 74),
	} {
		bad(name, text)
	}
	return all
}

func (h *house) badIssues() (all []malformed) {
	all = append(all, h.badTransport("/v1/tokens", goodJSON, "login")...)
	all = append(all, h.badCredentials("/v1/tokens", goodJSON)...)
	add := func(client, text string, status int, code string) {
		r := h.as(client, request(http.MethodPost, "/v1/tokens", text))
		r.Header.Set("Content-Type", "application/json")
		all = append(all, malformed{fmt.Sprintf("/v1/tokens/%.60q", text), r, status, code})
	}
	for _, contentType := range []string{formType, "text/json", "application/jwt", "application/json; charset=latin1"} {
		r := h.as("login", request(http.MethodPost, "/v1/tokens", goodJSON))
		r.Header.Set("Content-Type", contentType)
		all = append(all, malformed{"/v1/tokens/type " + contentType, r, 415, "invalid_request"})
	}
	for _, name := range []string{"client_secret", "access_token", "token"} {
		r := h.as("login", request(http.MethodPost, "/v1/tokens?"+name+"=IN-THE-URL", goodJSON))
		r.Header.Set("Content-Type", "application/json")
		all = append(all, malformed{"/v1/tokens/in the URL: " + name, r, 400, "invalid_request"})
	}
	for _, text := range []string{
		"", " ", "null", "1", `"x"`, "[]", "{", "}", "{}", `{"subject"}`, `{"subject":}`, `{"subject":"user:alice",}`, `{"subject":"user:alice"}x`, `{"subject":"user:alice"}{}`,
		`{"subject":"user:alice"} []`, `{subject:"user:alice"}`, `{'subject':'user:alice'}`, `{"subject":"user:alice","subject":"user:bob"}`, `{"subject":"user:alice","\u0073ubject":"user:bob"}`,
		`{"Subject":"user:alice"}`, `{"subject":"user:alice","sub":"x"}`, `{"subject":"user:alice","exp":1}`, `{"subject":"user:alice","":1}`, `{"subject":null}`, `{"subject":1}`, `{"subject":["user:alice"]}`,
		`{"subject":{"a":1}}`, `{"subject":""}`, `{"subject":"user:alice","audience":"` + api + `"}`, `{"subject":"user:alice","audience":[1]}`, `{"subject":"user:alice","audience":null}`,
		`{"subject":"user:alice","scope":["profile"]}`, `{"subject":"user:alice","scope":null}`, `{"subject":"user:alice","claims":[]}`, `{"subject":"user:alice","claims":null}`, `{"subject":"user:alice","claims":"x"}`,
		`{"subject":"user:alice","claims":{"tenant":1,"tenant":2}}`, `{"subject":"user:alice","claims":{"tenant":{"a":1,"a":2}}}`, `{"subject":"user:alice","claims":{"sub":"x"}}`,
		`{"subject":"user:alice","claims":{"exp":99999999999}}`, `{"subject":"user:alice","claims":{"":1}}`, `{"subject":"user:alice","claims":{"tenant":"\ud800"}}`, `{"subject":"user:alice","claims":{"tenant":}}`, `{"subject":"user:alice","claims":{"tenant":1e999999}}`,
		`{"subject":"user:alice","ttl":300}`, `{"subject":"user:alice","ttl":"300"}`, `{"subject":"user:alice","ttl":"-5m"}`, `{"subject":"user:alice","ttl":"0s"}`, `{"subject":"user:alice","ttl":"1ms"}`,
		`{"subject":"user:alice","ttl":"2h"}`, `{"subject":"user:alice","ttl":"9999999h"}`, `{"subject":"user:alice","ttl":"5 m"}`, `{"subject":"user:alice","ttl":null}`, `{"subject":"user:alice","refresh":"true"}`,
		`{"subject":"user:alice","refresh":1}`, `{"subject":"user:alice","refresh":null}`, `{"subject":"user:alice","label":"x"}`, `{"subject":"user:alice","refresh":true,"label":"a\nb"}`,
		`{"subject":"user:alice","refresh":true,"label":"` + strings.Repeat("x", 65) + `"}`, `{"subject":"user:alice","ring":1}`, "{\"subject\":\"user:\xff\"}", `{"subject":"user:\ud800"}`, `{"subject":"user:\udc00\ud800"}`,
		strings.Repeat("[", 60_000), `{"subject":` + strings.Repeat(`{"a":`, 10_000), `{"subject":"user:alice","claims":{"tenant":` + strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000) + `}}`,
		`{"subject":"user:alice","claims":{"tenant":"` + strings.Repeat("x", 5000) + `"}}`, "\ufeff" + goodJSON, goodJSON + "\x00", "{\"subject\":\"user:alice\",\"label\":\"\x01\"}",
	} {
		add("login", text, 400, "invalid_request")
	}
	for text, code := range map[string]string{
		`{"subject":"admin:alice"}`: "access_denied", `{"subject":"user:*"}`: "access_denied", `{"subject":"orders"}`: "access_denied", `{"subject":"user:a:b"}`: "access_denied",
		`{"subject":"user:\u0000"}`: "access_denied", `{"subject":"user:alice","ring":"fast2"}`: "access_denied", `{"subject":"user:alice","claims":{"roles":[]}}`: "access_denied",
		`{"subject":"user:alice","claims":{"active":true}}`: "access_denied",
	} {
		add("login", text, 403, code)
	}
	add("login", `{"subject":"user:alice","scope":"admin"}`, 400, "invalid_scope")
	add("login", `{"subject":"user:alice","audience":["https://evil.example.com"]}`, 400, "invalid_target")
	add("login", `{"subject":"user:alice","audience":[null]}`, 400, "invalid_target")
	add("orders", goodJSON, 400, "unauthorized_client")
	return all
}

// badPaths lead nowhere, however much they look like a path that does.
func (h *house) badPaths() (all []malformed) {
	for _, path := range []string{
		"/", "/oauth2", "/oauth2/", "/oauth2/token/", "//oauth2/token", "/oauth2//token", "/oauth2/token/x", "/oauth2/Token", "/OAUTH2/TOKEN", "/oauth2/./token", "/x/../oauth2/token",
		"/oauth2%2Ftoken", "/%6Fauth2/token", "/oauth2/token%00", "/oauth2/token%20", "/oauth2/token;x=1", "/oauth2/token.json", "/v1", "/v1/", "/v1/tokens/", "/v1/tokens/IN-THE-URL", "/v2/tokens",
		"/.well-known/", "/.well-known/jwks.json/", "/.well-known/openid-configuration/x", "/livez", "/readyz", "/metrics", "/debug/pprof/", "/favicon.ico", "/IN-THE-URL", "/%ff", "/:path", "/*",
		"/" + strings.Repeat("x", 8000),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			r := h.as("login", request(method, "/", goodForm))
			u, err := url.Parse("http://example.com" + path)
			if err != nil {
				h.t.Fatal(err)
			}
			r.URL = u
			all = append(all, malformed{fmt.Sprintf("%s %.40s", method, path), r, 404, "not_found"})
		}
	}
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			all = append(all, malformed{method + " " + path, request(method, path, ""), 405, "invalid_request"})
		}
	}
	return all
}
