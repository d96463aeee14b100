package vaultapitest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/internal/logtest"
	"signet/vaultkeys/vaultapi"
)

// conn is a connection under test.
type conn struct {
	*vaultapi.Conn
	suite *suite
}

// connect makes a connection whose log, at the check's end, holds no secret.
func (s *suite) connect(t *testing.T, login vaultapi.Login, edit func(*vaultapi.Config)) *conn {
	t.Helper()
	log := &logtest.Buffer{}
	cfg := vaultapi.Config{
		Address: s.server.Address, Login: login, Registerer: prometheus.NewRegistry(),
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if edit != nil {
		edit(&cfg)
	}
	c, err := vaultapi.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.wantHidden(t, "the log", log.String()) })
	return &conn{Conn: c, suite: s}
}

// run starts Run, and ends it with the check at the latest.
func (c *conn) run(t *testing.T) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.Run(ctx) // it only ever ends with ctx
	}()
	end = func() {
		cancel()
		<-done
	}
	t.Cleanup(end)
	return end
}

// get reads what the policy allows.
func (c *conn) get(ctx context.Context) error {
	var out struct {
		Value string `json:"value"`
	}
	_, err := c.Read(ctx, c.suite.good(), &out)
	return err
}

func (c *conn) mustGet(t *testing.T) {
	t.Helper()
	if err := c.get(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// wantLogins also proves that the connection works.
func (c *conn) wantLogins(t *testing.T, want uint64) {
	t.Helper()
	c.mustGet(t)
	if got := c.Logins(); got != want {
		t.Fatalf("%d logins, want %d", got, want)
	}
}

func (c *conn) accessor(t *testing.T) string {
	t.Helper()
	var self struct {
		Accessor string `json:"accessor"`
	}
	if _, err := c.Read(t.Context(), "auth/token/lookup-self", &self); err != nil || self.Accessor == "" {
		t.Fatalf("looking up the connection's own token: %v", err)
	}
	return self.Accessor
}

func fixed(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// eventually polls; what Vault and Run do takes its time.
func eventually(t *testing.T, bound time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(bound)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("after %v still not: %s", bound, what)
		case <-tick.C:
		}
	}
}

// always polls for as long as d, and fails at the first error.
func always(t *testing.T, d time.Duration, f func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		if err := f(); err != nil {
			t.Fatal(err)
		}
	}
}
