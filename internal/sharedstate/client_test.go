package sharedstate_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10s: %s", what)
		}
		<-tick.C
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.pem")
	if err := os.WriteFile(garbage, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	one := []string{"127.0.0.1:1"}
	cases := map[string]struct {
		config sharedstate.Config
		want   string
	}{
		"no address":           {sharedstate.Config{}, "no address"},
		"no sentinel to ask":   {sharedstate.Config{Addresses: one, SentinelUsername: "u", SentinelPassword: "p"}, "without a sentinel's master"},
		"two servers":          {sharedstate.Config{Addresses: []string{"a:1", "b:1"}}, "several addresses"},
		"cluster and sentinel": {sharedstate.Config{Addresses: one, Cluster: true, MasterName: "m"}, "not both"},
		"no CA file":           {sharedstate.Config{Addresses: one, TLS: &sharedstate.TLS{CACert: filepath.Join(dir, "none")}}, "authorities"},
		"no CA in the file":    {sharedstate.Config{Addresses: one, TLS: &sharedstate.TLS{CACert: garbage}}, "no certificate"},
		"cert without key":     {sharedstate.Config{Addresses: one, TLS: &sharedstate.TLS{Cert: garbage}}, "both"},
		"no client cert":       {sharedstate.Config{Addresses: one, TLS: &sharedstate.TLS{Cert: garbage, Key: garbage}}, "client certificate"},
	}
	for name, c := range cases {
		if _, err := sharedstate.Open(c.config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error about %q", name, err, c.want)
		}
	}
}

// TestSilentServer accepts and never answers: a caller is told in time, and
// once, for nothing is sent again behind its back.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	client := open(t, sharedstate.Config{Addresses: []string{listener.Addr().String()}})
	began := time.Now()
	if err := client.Get(t.Context(), "x").Err(); err == nil {
		t.Fatal("a silent server gave an answer")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v to give up", took)
	}
	if n := len(accepted); n > 2 {
		t.Errorf("%d connections for one command", n)
	}
}

// TestTLS: an ACL user over mutual TLS, and nobody without.
func TestTLS(t *testing.T) {
	t.Parallel()
	files := redistest.Certificates(t)
	acl := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(acl, []byte("user default off\nuser signet on >secret ~signet:* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr, ok := redistest.Start(t, "--port", "0", "--tls-port", "PORT", "--tls-ca-cert-file", files.CA, "--tls-cert-file", files.Cert,
		"--tls-key-file", files.Key, "--tls-auth-clients", "yes", "--aclfile", acl)
	if !ok {
		return
	}
	good := sharedstate.Config{
		Addresses: []string{addr}, Username: "signet", Password: "secret",
		TLS: &sharedstate.TLS{CACert: files.CA, Cert: files.Cert, Key: files.Key, ServerName: "redis.test"},
	}
	if err := open(t, good).Ping(t.Context()).Err(); err != nil {
		t.Fatalf("over TLS: %v", err)
	}
	bad := map[string]func(c *sharedstate.Config){
		"plain TCP":             func(c *sharedstate.Config) { c.TLS = nil },
		"the system's CAs":      func(c *sharedstate.Config) { c.TLS.CACert = "" },
		"no client certificate": func(c *sharedstate.Config) { c.TLS.Cert, c.TLS.Key = "", "" },
		"another server's name": func(c *sharedstate.Config) { c.TLS.ServerName = "other.test" },
		"wrong password":        func(c *sharedstate.Config) { c.Password = "guess" },
		"no user":               func(c *sharedstate.Config) { c.Username, c.Password = "", "" },
	}
	for name, spoil := range bad {
		c, files := good, *good.TLS
		c.TLS = &files
		spoil(&c)
		if err := open(t, c).Ping(t.Context()).Err(); err == nil {
			t.Errorf("%s: got in", name)
		}
	}
}

// TestServerComesBack: however often it was asked for in vain, the first call
// after a server is back finds it.
func TestServerComesBack(t *testing.T) {
	t.Parallel()
	port := redistest.FreePort(t)
	client := open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + port}, PoolSize: 8})
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			for range 25 {
				if err := client.Ping(t.Context()).Err(); !errors.Is(err, syscall.ECONNREFUSED) {
					t.Errorf("without a server: %v", err)
				}
			}
		})
	}
	asking.Wait()
	if _, ok := redistest.Start(t, "--port", port); !ok {
		return
	}
	for range 8 {
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Errorf("with a server: %v", err)
		}
	}
}
