package stack

import (
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEnvFileQuotes(t *testing.T) {
	got := envFile([]variable{{"A", "plain"}, {"B", `it's $HOME "x" \`}})
	want := "export A='plain'\nexport B='it'\\''s $HOME \"x\" \\'\n"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSecretHasTheFormOfSignetsOwn(t *testing.T) {
	secret := newSecret()
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(secret, "sgc_"))
	if err != nil || len(raw) != 32 {
		t.Fatalf("%d random bytes (%v), want 32", len(raw), err)
	}
	if newSecret() == secret {
		t.Error("the same secret twice")
	}
	sum := sha256.Sum256([]byte(secret))
	if got, want := hashSecret(secret), "sha256:"+base64.RawURLEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

func TestSecretIsKeptWithData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client-secret")
	first, err := keptSecret(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := keptSecret(path)
	if err != nil || second != first {
		t.Errorf("%v; the secret changed: %v", err, second != first)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v (%v), want mode 0600", info, err)
	}
}

// The guards of docs/configuration.md, which `signet serve` refuses a configuration for.
func TestDemoTimesHoldTheGuards(t *testing.T) {
	const requestDeadline = 3 * time.Second // config.RequestDeadline, in a module that this one does not import
	d := func(name string) time.Duration {
		t.Helper()
		text := signetYAML(addresses{}, "issuance.jsonl")
		_, rest, ok := strings.Cut(text, name+": ")
		if !ok {
			t.Fatalf("no %s in\n%s", name, text)
		}
		v, err := time.ParseDuration(rest[:strings.IndexAny(rest, ",}\n")])
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if d("publish_delay") < d("jwks_max_age")+d("stale_if_error")+d("refresh_interval")+2*d("clock_skew") {
		t.Error("publish_delay is too short")
	}
	if d("rotation_period") <= d("publish_delay")+d("max_ttl") {
		t.Error("rotation_period is too short")
	}
	if d("retire_margin") < 2*d("clock_skew")+d("refresh_interval")+requestDeadline {
		t.Error("retire_margin is too short")
	}
	if d("tokens: {ttl") > d("max_ttl") {
		t.Error("tokens live longer than max_ttl")
	}
}

func TestMiniredisExpiresInRealTime(t *testing.T) {
	m, err := StartMiniredis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := pingRedis(t.Context(), m.Addr()); err != nil {
		t.Fatal(err)
	}
	if err := m.server.Set("k", "v"); err != nil {
		t.Fatal(err)
	}
	m.server.SetTTL("k", 500*time.Millisecond)
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); m.server.Exists("k"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("a key of 0.5 s is still there after 10 s")
		}
	}
}
