package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"signet/config"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

// sessionsFixture is a Redis with sessions, a configuration and a clients file.
type sessionsFixture struct {
	t      *testing.T
	redis  *miniredis.Miniredis
	config string
	keys   *refreshtest.Keys
	store  *refresh.Store
	made   byte
}

func newSessionsFixture(t *testing.T) *sessionsFixture {
	t.Helper()
	dir := t.TempDir()
	f := &sessionsFixture{t: t, redis: miniredis.RunT(t), config: filepath.Join(dir, "signet.yaml"), keys: refreshtest.NewKeys()}
	list := filepath.Join(dir, "clients.yaml")
	for path, text := range map[string]string{
		list: `clients:
  - {id: login, grants: [issue, refresh_token], audiences: [api], subjects: ["user:*"]}
  - {id: orders, grants: [client_credentials], audiences: [api]}
`,
		f.config: `issuer: https://tokens.example.com
vault:
  address: https://127.0.0.1:1
  auth: {method: token, token: {env: NOBODYS}}
rings:
  - {name: es}
redis: {addresses: ["` + f.redis.Addr() + `"], insecure: true}
clients: {file: ` + list + `}
`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client, err := openRedis(config.Redis{Addresses: []string{f.redis.Addr()}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	f.store = refresh.New(refresh.Config{Redis: client, Keys: f.keys, Logger: slog.New(slog.DiscardHandler)})
	return f
}

func (f *sessionsFixture) login(subject, clientID, label string) (token, sid string) {
	f.t.Helper()
	f.made++
	token, session, err := f.store.Create(f.t.Context(), refresh.Family{f.made}, refresh.Session{Subject: subject, ClientID: clientID, Label: label, Scope: "profile"})
	if err != nil {
		f.t.Fatal(err)
	}
	return token, session.SID
}

func (f *sessionsFixture) goesOn(token string) bool {
	f.t.Helper()
	_, err := f.store.Inspect(f.t.Context(), token)
	return err == nil
}

// run runs a command with the fixture's configuration, and demands its code.
func (f *sessionsFixture) run(code int, args ...string) (stdout, stderr string) {
	f.t.Helper()
	got, stdout, stderr := signet(f.t, append(append([]string{"sessions"}, args...), "--config", f.config)...)
	if got != code {
		f.t.Fatalf("%v: code %d, want %d\nstdout: %s\nstderr: %s", args, got, code, stdout, stderr)
	}
	return stdout, stderr
}

func TestSessionsList(t *testing.T) {
	f := newSessionsFixture(t)
	f.login("user:alice", "login", "Firefox on Linux")
	_, evil := f.login("user:bob", "login", "\x1b[2J\tx")
	f.login("user:alice", "gone", "")
	stdout, _ := f.run(0, "list")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 3 || strings.Join(strings.Fields(lines[1])[:2], " ") != "login 2" || strings.Join(strings.Fields(lines[2]), " ") != "orders 0 -" {
		t.Errorf("counted\n%s", stdout)
	}
	stdout, _ = f.run(0, "list", "--subject", "user:alice")
	if n := strings.Count(stdout, "user:alice"); n != 2 || !strings.Contains(stdout, "Firefox on Linux") || strings.Contains(stdout, "bob") {
		t.Errorf("listed\n%s", stdout)
	}
	stdout, _ = f.run(0, "list", "--client", "login")
	if !strings.Contains(stdout, evil) || strings.Contains(stdout, "\x1b") {
		t.Errorf("listed\n%q", stdout)
	}
	stdout, stderr := f.run(0, "list", "--client", "login", "--limit", "1", "-o", "json")
	var list struct {
		Sessions []struct {
			SID     string `json:"sid"`
			Subject string `json:"subject"`
			Scope   string `json:"scope"`
		} `json:"sessions"`
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || len(list.Sessions) != 1 || list.Sessions[0].Scope != "profile" || !strings.Contains(stderr, "more than 1") {
		t.Errorf("%v: %s%s", err, stdout, stderr)
	}
	var counts struct {
		Clients []clientCount `json:"clients"`
	}
	stdout, _ = f.run(0, "list", "-o", "json")
	if err := json.Unmarshal([]byte(stdout), &counts); err != nil || len(counts.Clients) != 2 || counts.Clients[0].Sessions != 2 || counts.Clients[0].LastUsedAt == nil {
		t.Errorf("%v: %s", err, stdout)
	}
}

func TestSessionsRevoke(t *testing.T) {
	f := newSessionsFixture(t)
	one, sid := f.login("user:alice", "login", "")
	two, _ := f.login("user:alice", "other", "")
	three, _ := f.login("user:bob", "login", "")
	stdout, _ := f.run(0, "revoke", "--subject", "user:alice", "--dry-run")
	if !strings.Contains(stdout, "of user:alice (2 now)") || !f.goesOn(one) {
		t.Errorf("a dry run: %s", stdout)
	}
	for range 2 { // repeatable
		f.run(0, "revoke", "--sid", sid, "--yes")
	}
	if f.goesOn(one) || !f.goesOn(two) {
		t.Error("not the session of the sid")
	}
	if stdout, _ = f.run(0, "revoke", "--subject", "user:alice", "--yes"); !strings.Contains(stdout, "Sessions ended: 1.") || f.goesOn(two) || !f.goesOn(three) {
		t.Errorf("revoked %s", stdout)
	}
	if stdout, _ = f.run(0, "revoke", "--client", "login", "--yes"); !strings.Contains(stdout, "Sessions ended: 1.") || f.goesOn(three) {
		t.Errorf("revoked %s", stdout)
	}
	if again, _ := f.login("user:alice", "login", ""); !f.goesOn(again) {
		t.Error("logging in again does not work")
	}
}

func TestSessionsRefuse(t *testing.T) {
	f := newSessionsFixture(t)
	token, _ := f.login("user:alice", "login", "")
	for line, want := range map[string]string{
		"revoke --yes":                                "say which sessions",
		"revoke --yes --sid x --subject y":            "say which sessions",
		"revoke --yes --sid x":                        "is no sid",
		"revoke --yes --sid=":                         "says nothing",
		"revoke --yes --subject=":                     "says nothing",
		"revoke --yes --subject user:alice --client=": "says nothing",
		"revoke --subject user:alice":                 "use --yes",
		"revoke --yes user:alice":                     "unknown argument",
		"list --client=":                              "says nothing",
		"list --limit 3":                              "name a --subject",
		"list --client x --limit -1":                  "--limit",
		"list -o yaml":                                "use table or json",
	} {
		if _, stderr := f.run(2, strings.Fields(line)...); !strings.Contains(stderr, want) {
			t.Errorf("%s: %s", line, stderr)
		}
	}
	if !f.goesOn(token) {
		t.Error("a refusal revoked something")
	}
	addr := f.redis.Addr()
	f.redis.Close()
	for _, line := range []string{"list", "list --subject x", "revoke --yes --subject x"} {
		if _, stderr := f.run(1, strings.Fields(line)...); !strings.Contains(stderr, addr) {
			t.Errorf("%s: %s", line, stderr)
		}
	}
}
