package replica

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

const original = `issuer: http://127.0.0.1:1
listen: {address: "127.0.0.1:1", drain: 0s}
ops: {address: "127.0.0.1:2"}
vault:
  address: http://127.0.0.1:3
  insecure: true
  auth: {method: approle, role_id: {file: credentials/role_id}, secret_id: {file: /secret_id}}
rings:
  - {name: a, algorithm: ES256, publish_delay: 10s, max_ttl: 5m, rotation_period: 4h, retire_margin: 10s}
  - {name: b, algorithm: RS256, publish_delay: 10s}
keys: {refresh_interval: 1s}
redis: {addresses: ["127.0.0.1:4"], insecure: true}
clients: {file: clients.yaml}
audit: {stdout: false, file: "/records", replica: devstack}
`

func TestRewrite(t *testing.T) {
	t.Parallel()
	changes := Changes{Public: "127.0.0.1:5", Ops: "127.0.0.1:6", Name: "second", Records: "/other"}
	for name, c := range map[string]struct {
		clients string
		rings   []string
		keep    bool
		want    string
	}{
		"more rings":     {"/many.yaml", []string{"c"}, true, `[[map[algorithm:ES256 name:a] map[algorithm:RS256 name:b] map[algorithm:ES256 name:c]] /many.yaml]`},
		"same":           {"", nil, false, `[[map[algorithm:ES256 name:a] map[algorithm:RS256 name:b]] /dir/clients.yaml]`},
		"rings, clients": {"/many.yaml", []string{"c"}, false, `[[map[algorithm:ES256 name:c]] /many.yaml]`},
	} {
		changes.Clients, changes.Rings, changes.Keep = c.clients, c.rings, c.keep
		raw, err := Rewrite([]byte(original), "/dir", changes)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Issuer string
			Listen struct{ Address, Drain string }
			Ops    struct{ Address string }
			Vault  struct {
				Auth struct {
					RoleID   struct{ File string } `yaml:"role_id"`
					SecretID struct{ File string } `yaml:"secret_id"`
				}
			}
			Rings   []map[string]any
			Keys    map[string]any
			Redis   struct{ Addresses []string }
			Clients struct{ File string }
			Audit   struct{ File, Replica string }
		}
		if err := yaml.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		all := fmt.Sprint([]any{got.Rings, got.Clients.File})
		if all != c.want || got.Issuer != "http://127.0.0.1:1" || got.Listen.Address != "127.0.0.1:5" || got.Listen.Drain != "0s" || got.Ops.Address != "127.0.0.1:6" ||
			got.Vault.Auth.RoleID.File != "/dir/credentials/role_id" || got.Vault.Auth.SecretID.File != "/secret_id" || got.Keys != nil ||
			len(got.Redis.Addresses) != 1 || got.Audit.File != "/other" || got.Audit.Replica != "second" {
			t.Errorf("%s: %s", name, raw)
		}
	}
	for _, bad := range []string{"a: [", "issuer: x\n"} {
		if raw, err := Rewrite([]byte(bad), "/dir", changes); err == nil {
			t.Errorf("%q became %s", bad, raw)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	m, err := parseMetrics("# HELP a b\n" + `a{x="1",y="ok"} 2` + "\n" + `a{x="2",y="bad"} 3e2` + "\nab 5\nc +Inf\n")
	if err != nil {
		t.Fatal(err)
	}
	if m.Sum("a", "") != 302 || m.Sum("a", `y="ok"`) != 2 || m.Sum("ab", "") != 5 || m.Sum("none", "") != 0 || !m.Has("a") || m.Has("x") {
		t.Errorf("%v", m)
	}
	for _, bad := range []string{"a", "a b"} {
		if m, err := parseMetrics(bad); err == nil {
			t.Errorf("%q was read as %v", bad, m)
		}
	}
}

// program stands for signet: a shell script.
func program(t *testing.T, script string) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{Binary: filepath.Join(dir, "signet"), Original: filepath.Join(dir, "signet.yaml"), Dir: dir, Changes: Changes{Name: "one"}}
	if err := errors.Join(os.WriteFile(c.Binary, []byte("#!/bin/sh\n"+script), 0o700), os.WriteFile(c.Original, []byte(original), 0o600)); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReplica: ready is who serves and signs; metrics are asked of the same place.
func TestReplica(t *testing.T) {
	t.Parallel()
	probes, asked := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics":
			_, _ = fmt.Fprintln(w, "a 1")
			if asked++; asked > 2 {
				_, _ = fmt.Fprintln(w, `signet_vault_check_findings{severity="fail"} 0`)
			}
		case "/readyz/sign":
			if probes++; probes < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}
	}))
	defer server.Close()
	c := program(t, "trap 'exit 0' TERM\ntouch \"$0.up\"\nwhile :; do sleep 0.01; done\n")
	c.Ops = server.Listener.Addr().String()
	r, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	took, err := r.Ready(t.Context())
	if err != nil || took < 2*probeEvery || probes != 3 {
		t.Errorf("ready after %s and %d probes, %v", took, probes, err)
	}
	if m, err := r.Metrics(t.Context()); err != nil || m.Sum("a", "") != 1 {
		t.Errorf("%v, %v", m, err)
	}
	if took, err := r.Checked(t.Context()); err != nil || took < probeEvery || asked != 3 {
		t.Errorf("checked after %s and %d questions, %v", took, asked, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; { // else SIGTERM comes before the trap
		if _, err := os.Stat(c.Binary + ".up"); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// TestEnds: who ends at start is not waited for, and what it said is told.
func TestEnds(t *testing.T) {
	t.Parallel()
	c := program(t, "echo no such ring\nexit 1\n")
	c.Ops = "127.0.0.1:1"
	r, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no such ring") {
		t.Errorf("%v", err)
	}
	if _, err := r.Checked(t.Context()); err == nil || !strings.Contains(err.Error(), "no such ring") || strings.Contains(err.Error(), "within") {
		t.Errorf("%v", err)
	}
	if err := r.Stop(); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v", err)
	}
	if _, err := r.Metrics(t.Context()); err == nil {
		t.Error("nobody answered with metrics")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err = Start(program(t, "exec sleep 60\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Checked(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := r.Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	_ = r.Stop() // sleep knows no better than to be killed by it
}
