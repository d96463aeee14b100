package vaultapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/logtest"
	"signet/vaultkeys/vaultapi"
)

const (
	roleID   = "role-0b1e7c"
	secretID = "secret-5f2a90"
)

// sent is a request as it reached Vault.
type sent struct {
	method, path, body string
	header             http.Header
}

// lease is what Vault keeps of a token.
type lease struct {
	expires, end time.Time // end: the maximum; zero: no lease at all
}

// server is Vault's token store and AppRole, on the clock of the test's bubble,
// where a lease of hours passes at once. That the real one behaves so is held by
// vaultapitest, which integration runs on a real Vault.
type server struct {
	mu        sync.Mutex
	ttl, max  time.Duration // of AppRole's tokens
	renewable bool
	secret    string // the secret id that is accepted
	leases    map[string]lease
	made      int
	sent      []sent
	// before may answer in the server's place; nil from it means that it does not.
	before func(r *http.Request) *http.Response
	// hold, if set, is received from before a login is answered.
	hold chan struct{}
}

func newServer() *server {
	return &server{ttl: time.Hour, max: 24 * time.Hour, renewable: true, secret: secretID, leases: map[string]lease{}}
}

// grant makes a token that lives for ttl at a time and max at most; 0 = for ever.
func (s *server) grant(token string, ttl, limit time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := lease{}
	if ttl > 0 {
		l = lease{expires: time.Now().Add(min(ttl, limit)), end: time.Now().Add(limit)}
	}
	s.leases[token] = l
}

// revoke makes every token invalid.
func (s *server) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.leases)
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// count is how many requests to a path there were.
func (s *server) count(path string) int { return len(s.requests(path)) }

// requests are those to a path, or all.
func (s *server) requests(path string) []sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.sent)
	return slices.DeleteFunc(out, func(r sent) bool { return path != "" && r.path != path })
}

const (
	loginPath  = "auth/approle/login"
	renewPath  = "auth/token/renew-self"
	lookupPath = "auth/token/lookup-self"
	revokePath = "auth/token/revoke-self"
	goodPath   = "secret/good"   // every valid token may read it
	deniedPath = "secret/denied" // none may
)

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	s.mu.Lock()
	s.sent = append(s.sent, sent{r.Method, path, string(body), r.Header.Clone()})
	before, hold := s.before, s.hold
	s.mu.Unlock()
	if path == loginPath && hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if before != nil {
		if resp := before(r); resp != nil {
			return resp, nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answer(r.Header.Get("X-Vault-Token"), path, body), nil
}

func (s *server) answer(token, path string, body []byte) *http.Response {
	if path == loginPath {
		return s.login(body)
	}
	l, known := s.leases[token]
	if !known || !l.end.IsZero() && !time.Now().Before(l.expires) {
		return refusal(http.StatusForbidden, "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n")
	}
	switch path {
	case renewPath:
		l.expires = time.Now().Add(min(s.ttl, time.Until(l.end)))
		s.leases[token] = l
		return reply(fmt.Sprintf(`{"request_id":"r","auth":{"client_token":%q,"renewable":true,"lease_duration":%d}}`, token, seconds(time.Until(l.expires))))
	case lookupPath:
		if l.end.IsZero() {
			return reply(`{"request_id":"r","data":{"ttl":0,"expire_time":null,"renewable":false}}`)
		}
		return reply(fmt.Sprintf(`{"request_id":"r","data":{"ttl":%d,"expire_time":%q,"renewable":%t}}`,
			seconds(time.Until(l.expires)), l.expires.Format(time.RFC3339), s.renewable))
	case revokePath:
		delete(s.leases, token)
		return answer(http.StatusNoContent, "")
	case deniedPath:
		return refusal(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	default:
		return reply(`{"request_id":"r","data":{"value":"x"}}`)
	}
}

func (s *server) login(body []byte) *http.Response {
	var in struct {
		Role   string `json:"role_id"`
		Secret string `json:"secret_id"`
	}
	if json.Unmarshal(body, &in) != nil || in.Role != roleID || in.Secret != s.secret {
		return refusal(http.StatusBadRequest, "invalid role or secret ID")
	}
	s.made++
	token := fmt.Sprintf("hvs.token-%d", s.made)
	s.leases[token] = lease{expires: time.Now().Add(min(s.ttl, s.max)), end: time.Now().Add(s.max)}
	return reply(fmt.Sprintf(`{"request_id":"r","auth":{"client_token":%q,"renewable":%t,"lease_duration":%d}}`, token, s.renewable, seconds(min(s.ttl, s.max))))
}

func seconds(d time.Duration) int { return int(d / time.Second) }

func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

func reply(body string) *http.Response { return answer(http.StatusOK, body) }

func refusal(status int, messages ...string) *http.Response {
	text, err := json.Marshal(map[string][]string{"errors": messages})
	if err != nil {
		panic(err) // strings always encode
	}
	return answer(status, string(text))
}

// fixed is a credential that never changes.
func fixed(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func appRole() vaultapi.Login {
	return vaultapi.AppRole(vaultapi.AppRoleConfig{RoleID: fixed(roleID), SecretID: fixed(secretID)})
}

// conn is a Conn under test with what it logged and counted.
type conn struct {
	*vaultapi.Conn
	log *logtest.Buffer
	reg *prometheus.Registry
}

// connect makes a Conn to rt, or to the network if rt is nil. At the test's end
// nothing secret may be in its log.
func connect(t testing.TB, rt http.RoundTripper, login vaultapi.Login, edit func(*vaultapi.Config)) conn {
	t.Helper()
	c := conn{log: &logtest.Buffer{}, reg: prometheus.NewRegistry()}
	cfg := vaultapi.Config{
		Address: "http://vault.test:8200", Login: login, Registerer: c.reg,
		Logger: slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&cfg)
	}
	var err error
	if c.Conn, err = vaultapi.New(cfg); err != nil {
		t.Fatal(err)
	}
	if rt != nil {
		c.Through(rt)
	}
	t.Cleanup(func() { wantNoSecret(t, "the log", c.log.String()) })
	return c
}

// wantNoSecret: neither a token nor a credential of these tests is in text.
func wantNoSecret(t testing.TB, where, text string) {
	t.Helper()
	for _, secret := range []string{"hvs.", secretID, roleID} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows %q: %s", where, secret, text)
		}
	}
}

// read reads the path that every valid token may read.
func (c conn) read(t testing.TB) error {
	t.Helper()
	var out struct {
		Value string `json:"value"`
	}
	_, err := c.Read(t.Context(), goodPath, &out)
	if err == nil && out.Value != "x" {
		t.Fatalf("read %q", out.Value)
	}
	if err != nil {
		wantNoSecret(t, "an error", err.Error())
	}
	return err
}

func (c conn) mustRead(t testing.TB) {
	t.Helper()
	if err := c.read(t); err != nil {
		t.Fatal(err)
	}
}

// metric is the value of a counter or gauge with these label values.
func (c conn) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := c.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var got []string
			for _, l := range m.GetLabel() {
				got = append(got, l.GetValue())
			}
			if slices.Equal(got, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}
