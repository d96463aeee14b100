package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"signet/clients"
	"signet/httpapi"
	"signet/internal/logtest"
	"signet/internal/sharedstate"
	"signet/issuer"
	"signet/refresh"
	"signet/refresh/refreshtest"
	"signet/signer"
	"signet/signer/signertest"
)

const (
	issuerURL = "https://tokens.example.com"
	api       = "https://api.example.com"
	formType  = "application/x-www-form-urlencoded"
)

// house is a Server on real parts, but for Vault and its clock.
type house struct {
	*httpapi.Server
	t        testing.TB
	holder   *signertest.Holder
	redis    *miniredis.Miniredis
	config   httpapi.Config
	registry *prometheus.Registry
	secrets  map[string]string // of each client
	log      *logtest.Buffer

	public, ops http.Handler

	mu     sync.Mutex
	ready  bool
	loaded bool
	maxAge time.Duration
	// published stands for the keys in the set, fetched is what the server told of them.
	published []signer.Key
	fetched   int
	alarms    []httpapi.Alarm
	signs     map[string]error
}

// newHouse lets a test change the configuration before the server is made.
func newHouse(t testing.TB, changes ...func(*httpapi.Config)) *house {
	t.Helper()
	h := &house{
		t: t, redis: miniredis.RunT(t), registry: prometheus.NewRegistry(), secrets: map[string]string{}, log: &logtest.Buffer{},
		holder: signertest.New(signertest.Ring{Name: "main"}, signertest.Ring{Name: "fast", Algorithm: signer.EdDSA}),
		ready:  true, loaded: true, maxAge: 5 * time.Minute, signs: map[string]error{"main": nil, "fast": nil},
	}
	logger := slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client := redis.NewClient(&redis.Options{Addr: h.redis.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	registry := h.openClients(
		clients.Entry{ID: "orders", Grants: []string{"client_credentials"}, Audiences: []string{api, "billing", "urn:x#y"}, Scopes: []string{"billing:read", "orders:*"}},
		clients.Entry{
			ID: "login", Grants: []string{"issue", "refresh_token"}, Subjects: []string{"user:*"}, Audiences: []string{api},
			Scopes: []string{"profile", "mail"}, Claims: []string{"tenant", "username"}, Introspect: true, Sessions: "own",
		},
		clients.Entry{ID: "admin", Sessions: "all"},
		clients.Entry{ID: "a~b/c@d", Grants: []string{"client_credentials"}, Audiences: []string{api}},
	)
	rings := map[string]time.Duration{"main": time.Hour, "fast": time.Hour}
	store := refresh.New(refresh.Config{Redis: client, Keys: refreshtest.NewKeys(), Grace: 30 * time.Second, Logger: logger})
	uses := issuer.New(issuer.Config{
		Signer:    signer.New(signer.Config{Keys: h.holder, Backend: h.holder, Issuer: issuerURL}),
		Refresher: store, Sessions: store, Directory: store, Denylist: sharedstate.NewDenylist(client, 0, nil), Clients: registry,
		Rings: rings, DefaultRing: "main",
	})
	h.config = httpapi.Config{
		Issuer: issuerURL, Tokens: uses, Status: uses, Sessions: uses, Clients: registry, Keys: h.keySet, Fetched: h.fetch, Algorithms: []string{"ES256", "EdDSA"},
		Ready: func() bool { h.mu.Lock(); defer h.mu.Unlock(); return h.ready }, Signing: h.signing, Alarms: func() []httpapi.Alarm { h.mu.Lock(); defer h.mu.Unlock(); return h.alarms }, Rings: []string{"main", "fast"},
		Logger: logger, Registerer: h.registry, Gatherer: h.registry,
	}
	for _, change := range changes {
		change(&h.config)
	}
	h.Server = httpapi.New(h.config)
	h.public, h.ops = h.Public(), h.Ops()
	return h
}

func (h *house) openClients(entries ...clients.Entry) *clients.Registry {
	h.t.Helper()
	text := "clients:\n"
	for _, e := range entries {
		secret, hash, err := clients.NewSecret()
		if err != nil {
			h.t.Fatal(err)
		}
		h.secrets[e.ID], e.Secrets = secret, []string{hash}
		item, err := e.YAML()
		if err != nil {
			h.t.Fatal(err)
		}
		text += item
	}
	path := filepath.Join(h.t.TempDir(), "clients.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	registry, err := clients.Open(clients.Config{Path: path, DefaultRing: "main", DefaultTTL: 5 * time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.t.Fatal(err)
	}
	return registry
}

func (h *house) keySet() httpapi.KeySet {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.loaded {
		return httpapi.KeySet{}
	}
	body := h.holder.JWKS()
	return httpapi.KeySet{
		Body: body, ETag: fmt.Sprintf(`"%x"`, sha256.Sum256(body)), Keys: h.published, MaxAge: h.maxAge, StaleIfError: time.Hour, Loaded: true,
	}
}

func (h *house) fetch(keys []signer.Key) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fetched += len(keys)
}

func (h *house) signing() map[string]error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.signs
}

// set changes what the server is told by the parts behind it.
func (h *house) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// request is one to the public listener; a body makes it a form.
func request(method, target, body string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", formType)
	}
	return r
}

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

// as authenticates a request.
func (h *house) as(id string, r *http.Request) *http.Request {
	r.Header.Set("Authorization", basic(id, h.secrets[id]))
	return r
}

// send gives a request to the public handler, and demands of the answer what
// holds for every one.
func (h *house) send(r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.sendTo(h.public, r)
}

func (h *house) sendTo(handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	header := w.Header()
	if header.Get("X-Content-Type-Options") != "nosniff" || header.Get("X-Request-Id") == "" {
		h.t.Errorf("headers %v", header)
	}
	cached := strings.HasPrefix(header.Get("Cache-Control"), "public, ") && header.Get("Pragma") == "" && w.Code < 400
	if !cached && (header.Get("Cache-Control") != "no-store" || header.Get("Pragma") != "no-cache") {
		h.t.Errorf("Cache-Control %q, Pragma %q", header.Get("Cache-Control"), header.Get("Pragma"))
	}
	if (w.Code == http.StatusUnauthorized) != (header.Get("WWW-Authenticate") == `Basic realm="signet", charset="UTF-8"`) {
		h.t.Errorf("%d with WWW-Authenticate %q", w.Code, header.Get("WWW-Authenticate"))
	}
	if w.Code == http.StatusMethodNotAllowed && header.Get("Allow") == "" {
		h.t.Error("405 without Allow")
	}
	for id, secret := range h.secrets {
		if strings.Contains(w.Body.String(), secret) {
			h.t.Errorf("the secret of %s is in the body", id)
		}
	}
	return w
}

// object is the JSON body of an answer.
func object(t testing.TB, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("status %d, body %q: %v", w.Code, w.Body, err)
	}
	return body
}

// refused demands an error answer in the form of its endpoint.
func (h *house) refused(w *httptest.ResponseRecorder, status int, code string) {
	h.t.Helper()
	if w.Code != status {
		h.t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	body := object(h.t, w)
	if body["error"] != code {
		h.t.Errorf("error %v, want %s", body["error"], code)
	}
	description, _ := body["error_description"].(string)
	contentType := "application/json"
	if _, problem := body["title"]; problem {
		contentType = "application/problem+json"
		description, _ = body["detail"].(string)
		if body["type"] != "about:blank" || body["status"] != float64(status) || body["title"] != http.StatusText(status) {
			h.t.Errorf("body %v", body)
		}
	}
	if w.Header().Get("Content-Type") != contentType {
		h.t.Errorf("Content-Type %q of %s", w.Header().Get("Content-Type"), w.Body)
	}
	// RFC 6749 section 5.2
	if description == "" || strings.ContainsFunc(description, func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }) {
		h.t.Errorf("description %q", description)
	}
	if (status == http.StatusServiceUnavailable) != (w.Header().Get("Retry-After") != "") {
		h.t.Errorf("%d with Retry-After %q", status, w.Header().Get("Retry-After"))
	}
}

// login opens a session and answers its pair.
func (h *house) login() (access, refreshToken string) {
	h.t.Helper()
	r := h.as("login", request(http.MethodPost, "/v1/tokens", `{"subject":"user:alice","refresh":true}`))
	r.Header.Set("Content-Type", "application/json")
	w := h.send(r)
	body := object(h.t, w)
	access, ok1 := body["access_token"].(string)
	refreshToken, ok2 := body["refresh_token"].(string)
	if !ok1 || !ok2 {
		h.t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return access, refreshToken
}

// counted is the sum of a counter over the series that have all the labels
// given, as name=value.
func (h *house) counted(name string, labels ...string) (sum float64) {
	h.t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			missing := len(labels)
			for _, l := range m.GetLabel() {
				for _, want := range labels {
					if l.GetName()+"="+l.GetValue() == want {
						missing--
					}
				}
			}
			if missing == 0 {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
