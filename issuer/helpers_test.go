package issuer_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"signet/clients"
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
	billing   = "https://billing.example.com"
	skew      = 5 * time.Second
	grace     = 30 * time.Second
	idle      = time.Hour
	absolute  = 4 * time.Hour
)

// house is an Issuer on real parts: real signatures, a Redis that runs in this
// process, a registry on a file. One clock moves them all.
type house struct {
	*issuer.Issuer
	t        *testing.T
	signer   *signer.Signer
	holder   *signertest.Holder
	redis    *miniredis.Miniredis
	macKeys  *refreshtest.Keys
	store    *refresh.Store
	registry *clients.Registry
	metrics  *prometheus.Registry
	entries  map[string]clients.Entry
	path     string
	addr     string
	ready    bool

	mu  sync.Mutex
	now time.Time
}

// newHouse lets a test change the configuration before the issuer is made.
func newHouse(t *testing.T, changes ...func(*issuer.Config)) *house {
	t.Helper()
	h := &house{
		t: t, ready: true, redis: miniredis.RunT(t), macKeys: refreshtest.NewKeys(), metrics: prometheus.NewRegistry(),
		holder: signertest.New(
			signertest.Ring{Name: "main"}, signertest.Ring{Name: "fast", Algorithm: signer.EdDSA},
			signertest.Ring{Name: "mac", Algorithm: signer.HS256}),
		entries: policies(), path: filepath.Join(t.TempDir(), "clients.yaml"),
		now: time.Date(2030, 1, 2, 3, 4, 5, 600e6, time.UTC),
	}
	h.redis.SetTime(h.now)
	h.addr = h.redis.Addr()
	client := redis.NewClient(&redis.Options{Addr: h.redis.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	rings := map[string]time.Duration{"main": time.Hour, "fast": 10 * time.Minute, "mac": time.Hour}
	h.writeClients()
	var err error
	h.registry, err = clients.Open(clients.Config{Path: h.path, Rings: rings, DefaultRing: "main", DefaultTTL: 5 * time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h.store = refresh.New(refresh.Config{
		Redis: client, Keys: h.macKeys, Grace: grace, Idle: idle, Absolute: absolute, ClockSkew: skew, Now: h.clock, Logger: slog.New(slog.DiscardHandler),
	})
	h.signer = signer.New(signer.Config{Keys: h.holder, Backend: h.holder, Issuer: issuerURL, ClockSkew: skew, Now: h.clock})
	c := issuer.Config{
		Signer:    h.signer,
		Refresher: h.store, Sessions: h.store, Directory: h.store, Denylist: sharedstate.NewDenylist(client, 0, nil), Clients: h.registry,
		Rings: rings, DefaultRing: "main", SessionLife: absolute, ClockSkew: skew,
		Ready: func() bool { return h.ready }, Now: h.clock, Registerer: h.metrics,
	}
	for _, change := range changes {
		change(&c)
	}
	h.Issuer = issuer.New(c)
	return h
}

// policies are the clients that every test begins with.
func policies() map[string]clients.Entry {
	return map[string]clients.Entry{
		"orders": {
			Grants: []string{"client_credentials"}, Audiences: []string{billing, api}, Scopes: []string{"billing:read", "billing:write", "orders:*"},
		},
		"login": {
			Grants: []string{"issue", "refresh_token"}, Subjects: []string{"user:*"}, Audiences: []string{api, billing},
			Scopes: []string{"profile", "mail", "orders:*"}, Claims: []string{"tenant", "roles"}, TTL: 2 * time.Minute, Ring: "main", Introspect: true, Sessions: "own",
		},
		// It may choose its ring, and its subjects reach the ids of clients.
		"wide": {
			Grants: []string{"issue", "client_credentials"}, Subjects: []string{"*"}, Audiences: []string{api},
		},
		"admin":   {Sessions: "all"},
		"mac":     {Grants: []string{"client_credentials"}, Audiences: []string{api}, Ring: "mac"},
		"gateway": {Grants: []string{"client_credentials"}, Audiences: []string{billing}, Introspect: true},
		"rival":   {Grants: []string{"issue", "refresh_token"}, Subjects: []string{"user:*"}, Audiences: []string{"https://rival.example.com"}, Introspect: true},
	}
}

func (h *house) writeClients() {
	h.t.Helper()
	var text strings.Builder
	text.WriteString("clients:\n")
	for _, id := range slices.Sorted(maps.Keys(h.entries)) {
		entry := h.entries[id]
		entry.ID = id
		_, hash, err := clients.NewSecret()
		if err != nil {
			h.t.Fatal(err)
		}
		entry.Secrets = []string{hash}
		item, err := entry.YAML()
		if err != nil {
			h.t.Fatal(err)
		}
		text.WriteString(item)
	}
	if err := os.WriteFile(h.path, []byte(text.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// amend changes a client's policy, as an operator would in the file.
func (h *house) amend(id string, change func(*clients.Entry)) {
	h.t.Helper()
	entry := h.entries[id]
	change(&entry)
	h.entries[id] = entry
	h.writeClients()
	if err := h.registry.Reload(); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) client(id string) *clients.Client {
	h.t.Helper()
	client, ok := h.registry.Lookup(id)
	if !ok {
		h.t.Fatalf("no client %s", id)
	}
	return client
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// pass lets time pass, for Redis as well.
func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
	h.redis.SetTime(h.now)
	h.redis.FastForward(d)
}

// login opens a session for user:alice.
func (h *house) login() *issuer.Response {
	h.t.Helper()
	return h.pair("login", issuer.IssueRequest{Subject: "user:alice", Scope: "profile mail orders:read", Audience: []string{api, billing}})
}

func (h *house) pair(id string, r issuer.IssueRequest) *issuer.Response {
	h.t.Helper()
	r.Refresh = true
	response, err := h.Issue(h.t.Context(), h.client(id), r)
	if err != nil {
		h.t.Fatal(err)
	}
	if len(response.RefreshToken) != refresh.TokenLength {
		h.t.Fatalf("refresh token of %d characters", len(response.RefreshToken))
	}
	return response
}

func (h *house) token(id string, r issuer.ClientCredentialsRequest) string {
	h.t.Helper()
	response, err := h.ClientCredentials(h.t.Context(), h.client(id), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return response.AccessToken
}

func (h *house) refreshed(token string) *issuer.Response {
	h.t.Helper()
	response, err := h.Refresh(h.t.Context(), h.client("login"), issuer.RefreshRequest{Token: token})
	if err != nil {
		h.t.Fatal(err)
	}
	return response
}

// claims verifies a token as the issuer's own signer does.
func (h *house) claims(token string) signer.Claims {
	h.t.Helper()
	claims, err := h.signer.Verify(h.t.Context(), token)
	if err != nil {
		h.t.Fatal(err)
	}
	return claims
}

// active is what a client is told of a token; nil for inactive.
func (h *house) active(id, token string) *issuer.Introspection {
	h.t.Helper()
	found, err := h.Introspect(h.t.Context(), h.client(id), token)
	if err != nil {
		h.t.Fatal(err)
	}
	return found
}

// stored is everything in Redis, to tell whether something was written.
func (h *house) stored() string { return h.redis.Dump() }

// refused demands an *issuer.Error with the code.
func (h *house) refused(err error, want issuer.Code) {
	h.t.Helper()
	_ = h.refusal(err, want)
}

// refusal is the *issuer.Error, which must have the code and keep the rules
// that hold for all of them.
func (h *house) refusal(err error, want issuer.Code) *issuer.Error {
	h.t.Helper()
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok || e.Code != want {
		h.t.Fatalf("got %v, want %s", err, want)
	}
	if e.Description == "" {
		h.t.Errorf("%s has no description", e.Code)
	}
	if (e.RetryAfter > 0) != (e.Code == issuer.Unavailable) {
		h.t.Errorf("%s says to come again in %v", e.Code, e.RetryAfter)
	}
	for _, secret := range []string{"sgr_", "eyJ", h.addr} {
		if strings.Contains(e.Description, secret) {
			h.t.Errorf("the description tells %q: %s", secret, e.Description)
		}
	}
	return e
}

// counted is a counter's value by the values of its labels, in the order of their names.
func (h *house) counted(name string, labels ...string) float64 {
	h.t.Helper()
	families, err := h.metrics.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			values := []string{}
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if family.GetName() == name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

var errBroken = errors.New("connection reset by 10.0.0.7:8200, hvs.SECRET")

func gone(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
