package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// httpClient never waits for ever, follows nothing, and keeps enough
// connections for the concurrent tests.
var httpClient = &http.Client{
	Timeout:       15 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 5 * time.Second},
}

// Reply is an answer of Signet, body and all.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // nil when the body is no JSON object
}

// Post sends a form with HTTP Basic credentials, as any OAuth library does.
func (s *Signet) Post(t testing.TB, path string, as Client, form url.Values) Reply {
	t.Helper()
	reply, err := s.TryPost(path, as, form)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TryPost is Post for goroutines, which may not end a test.
func (s *Signet) TryPost(path string, as Client, form url.Values) (Reply, error) {
	req, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(form.Encode())) //nolint:noctx // the client has a timeout
	if err != nil {
		return Reply{}, fmt.Errorf("building: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(as.ID), url.QueryEscape(as.Secret))
	return s.Send(req)
}

// PostJSON sends a JSON body with HTTP Basic credentials.
func (s *Signet) PostJSON(t testing.TB, path string, as Client, body any) Reply {
	t.Helper()
	reply, err := s.TryPostJSON(path, as, body)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TryPostJSON is PostJSON for goroutines, which may not end a test.
func (s *Signet) TryPostJSON(path string, as Client, body any) (Reply, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Reply{}, fmt.Errorf("encoding: %w", err)
	}
	req, err := http.NewRequest(http.MethodPost, s.URL+path, bytes.NewReader(raw)) //nolint:noctx // the client has a timeout
	if err != nil {
		return Reply{}, fmt.Errorf("building: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.SetBasicAuth(url.QueryEscape(as.ID), url.QueryEscape(as.Secret))
	return s.Send(req)
}

// Ask sends a request without a body with HTTP Basic credentials.
func (s *Signet) Ask(t testing.TB, method, path string, as Client) Reply {
	t.Helper()
	reply, err := s.TryAsk(method, path, as)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TryAsk is Ask for goroutines, which may not end a test.
func (s *Signet) TryAsk(method, path string, as Client) (Reply, error) {
	req, err := http.NewRequest(method, s.URL+path, http.NoBody) //nolint:noctx // the client has a timeout
	if err != nil {
		return Reply{}, fmt.Errorf("building: %w", err)
	}
	req.SetBasicAuth(url.QueryEscape(as.ID), url.QueryEscape(as.Secret))
	return s.Send(req)
}

// Get fetches a public document.
func (s *Signet) Get(t testing.TB, path string) Reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.URL+path, http.NoBody) //nolint:noctx // the client has a timeout
	if err != nil {
		t.Fatal(err)
	}
	reply, err := s.Send(req)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// Send sends any request, and remembers the tokens of the answer.
func (s *Signet) Send(req *http.Request) (Reply, error) {
	resp, err := httpClient.Do(req)
	if err != nil {
		return Reply{}, fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return Reply{}, fmt.Errorf("%s %s: reading: %w", req.Method, req.URL.Path, err)
	}
	reply := Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}
	if json.Unmarshal(body, &reply.JSON) != nil {
		reply.JSON = nil
	}
	s.remember(reply.JSON)
	if list, ok := reply.JSON["tokens"].([]any); ok {
		for _, item := range list {
			one, _ := item.(map[string]any)
			s.remember(one)
		}
	}
	return reply, nil
}

// remember keeps the tokens of an answer.
func (s *Signet) remember(answer map[string]any) {
	for _, name := range []string{"access_token", "refresh_token"} {
		if token, ok := answer[name].(string); ok {
			s.seen.add(token)
		}
	}
}

// Want fails unless the status is this one.
func (r Reply) Want(t testing.TB, status int) Reply {
	t.Helper()
	if r.Status != status {
		t.Fatalf("status %d, want %d; body: %s", r.Status, status, r.Body)
	}
	return r
}

// WantError fails unless this is that OAuth error (RFC 6749 section 5.2).
func (r Reply) WantError(t testing.TB, status int, code string) Reply {
	t.Helper()
	r.Want(t, status)
	if r.JSON["error"] != code {
		t.Fatalf("error %v, want %q; body: %s", r.JSON["error"], code, r.Body)
	}
	return r
}

// String is a string member of the JSON body.
func (r Reply) String(t testing.TB, name string) string {
	t.Helper()
	s, ok := r.JSON[name].(string)
	if !ok {
		t.Fatalf("no string %q in %s", name, r.Body)
	}
	return s
}

// ClientCredentials gets an access token for the client itself.
func (s *Signet) ClientCredentials(t testing.TB, as Client) string {
	t.Helper()
	return s.Post(t, "/oauth2/token", as, url.Values{"grant_type": {"client_credentials"}}).
		Want(t, http.StatusOK).String(t, "access_token")
}

// Pair issues an access and a refresh token for a subject.
func (s *Signet) Pair(t testing.TB, as Client, subject string) (access, refresh string) {
	t.Helper()
	r := s.PostJSON(t, "/v1/tokens", as, map[string]any{"subject": subject, "refresh": true}).Want(t, http.StatusOK)
	return r.String(t, "access_token"), r.String(t, "refresh_token")
}

// IssueOn issues an access token for a subject on a given ring.
func (s *Signet) IssueOn(t testing.TB, as Client, subject, ring string) string {
	t.Helper()
	return s.PostJSON(t, "/v1/tokens", as, map[string]any{"subject": subject, "ring": ring}).
		Want(t, http.StatusOK).String(t, "access_token")
}

// Refresh exchanges a refresh token.
func (s *Signet) Refresh(t testing.TB, as Client, token string) Reply {
	t.Helper()
	return s.Post(t, "/oauth2/token", as, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// Active introspects a token and reports whether it is active.
func (s *Signet) Active(t testing.TB, as Client, token string) bool {
	t.Helper()
	active, ok := s.Post(t, "/oauth2/introspect", as, url.Values{"token": {token}}).Want(t, http.StatusOK).JSON["active"].(bool)
	if !ok {
		t.Fatal("introspection answered no boolean active")
	}
	return active
}

// KIDs are the kids of the replica's JWK set, in its order.
func (s *Signet) KIDs(t testing.TB) []string {
	t.Helper()
	kids, err := s.TryKIDs()
	if err != nil {
		t.Fatal(err)
	}
	return kids
}

// TryKIDs is KIDs for goroutines, which may not end a test.
func (s *Signet) TryKIDs() ([]string, error) {
	req, err := http.NewRequest(http.MethodGet, s.URL+"/.well-known/jwks.json", http.NoBody) //nolint:noctx // the client has a timeout
	if err != nil {
		return nil, fmt.Errorf("building: %w", err)
	}
	r, err := s.Send(req)
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct {
			KID string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(r.Body, &set); err != nil || r.Status != http.StatusOK {
		return nil, fmt.Errorf("the JWK set: status %d, %w: %s", r.Status, err, r.Body)
	}
	kids := make([]string, 0, len(set.Keys))
	for _, k := range set.Keys {
		kids = append(kids, k.KID)
	}
	return kids, nil
}
