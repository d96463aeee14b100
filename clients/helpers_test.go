package clients_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// open writes text as the registry's file and opens it with two rings, main
// (the first, 10m) and long (24h), and a default life of 5m.
func open(t testing.TB, text string) (*clients.Registry, error) {
	t.Helper()
	return clients.Open(config(t, text))
}

func config(t testing.TB, text string) clients.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clients.yaml")
	write(t, path, text)
	return clients.Config{
		Path:        path,
		Rings:       map[string]time.Duration{"main": 10 * time.Minute, "long": 24 * time.Hour},
		DefaultRing: "main",
		DefaultTTL:  5 * time.Minute,
		Logger:      slog.New(slog.DiscardHandler),
	}
}

func mustOpen(t testing.TB, text string) *clients.Registry {
	t.Helper()
	r, err := open(t, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// file is a registry of the entries.
func file(t testing.TB, entries ...clients.Entry) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("clients:\n")
	for _, e := range entries {
		item, err := e.YAML()
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(item)
	}
	return b.String()
}

// one opens a registry with one client, x, and returns that.
func one(t testing.TB, e clients.Entry) *clients.Client {
	t.Helper()
	e.ID = "x"
	c, ok := mustOpen(t, file(t, e)).Lookup("x")
	if !ok {
		t.Fatal("x is not there")
	}
	return c
}

func newSecret(t testing.TB) (secret, hash string) {
	t.Helper()
	secret, hash, err := clients.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	return secret, hash
}

func violations(t testing.TB, err error) []clients.Violation {
	t.Helper()
	all, ok := errors.AsType[*clients.Error](err)
	if !ok {
		t.Fatalf("%v is no *clients.Error", err)
	}
	return all.Violations
}
