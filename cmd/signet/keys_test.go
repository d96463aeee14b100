package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"signet/vaultkeys/manual"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

// keysFixture is a fake transit engine behind HTTP, a Redis, and a
// configuration with one ring.
type keysFixture struct {
	vault  *vaulttest.Fake
	redis  *miniredis.Miniredis
	config string
	sealed atomic.Bool
}

func newKeysFixture(t *testing.T) *keysFixture {
	t.Helper()
	f := &keysFixture{vault: vaulttest.New(nil), redis: miniredis.RunT(t), config: filepath.Join(t.TempDir(), "signet.yaml")}
	f.vault.Strict = true
	f.vault.CreateKey("es", "ecdsa-p256")
	server := httptest.NewServer(http.HandlerFunc(f.serveHTTP))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"VAULT_ADDR": "", "VAULT_TOKEN": "operators", "VAULT_NAMESPACE": "", "VAULT_CACERT": ""} {
		t.Setenv(name, value)
	}
	if err := os.WriteFile(f.config, []byte(`issuer: https://tokens.example.com
vault:
  address: `+server.URL+`
  insecure: true
  auth: {method: token, token: {env: NOBODYS}}
rings:
  - {name: es}
redis: {addresses: ["`+f.redis.Addr()+`"], insecure: true}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// serveHTTP is Vault's API as far as the keys commands need it.
func (f *keysFixture) serveHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if f.sealed.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"errors":["Vault is sealed"]}`))
		return
	}
	if path == "auth/token/lookup-self" || path == "sys/health" {
		_, _ = w.Write([]byte(`{"data":{"ttl":0}}`))
		return
	}
	var out map[string]any
	var err error
	if r.Method == http.MethodGet {
		_, err = f.vault.Read(r.Context(), path, &out)
	} else {
		var in any
		_ = json.NewDecoder(r.Body).Decode(&in) // no body is nil
		_, err = f.vault.Write(r.Context(), path, in, &out)
	}
	if e, ok := errors.AsType[*vaultapi.Error](err); ok {
		w.WriteHeader(e.Status)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": e.Messages})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"data": out})
}

// keys runs a command, and wants an exit code and texts.
func (f *keysFixture) keys(t *testing.T, code int, args []string, texts ...string) (stdout, stderr string) {
	t.Helper()
	got, stdout, stderr := signet(t, append(append([]string{"keys"}, args...), "--config", f.config)...)
	if got != code {
		t.Fatalf("signet keys %v: exit code %d, want %d\n%s\n%s", args, got, code, stdout, stderr)
	}
	for _, text := range texts {
		if !strings.Contains(stdout+stderr, text) {
			t.Errorf("signet keys %v does not say %q:\n%s\n%s", args, text, stdout, stderr)
		}
	}
	return stdout, stderr
}

func TestKeysList(t *testing.T) {
	f := newKeysFixture(t)
	stdout, stderr := f.keys(t, 0, []string{"list"}, "RING", "active", "of 90d", "~")
	if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(lines) != 2 || strings.Contains(stdout, "REVOKED") {
		t.Errorf("printed:\n%s", stdout)
	}
	if !strings.Contains(stderr, "count as living for 12h") && strings.Contains(stderr, "note") {
		t.Errorf("notes: %s", stderr)
	}
	stdout, _ = f.keys(t, 0, []string{"list", "-o", "json"})
	var all struct {
		Rings []struct {
			Ring     string
			Versions []map[string]any
		}
		Revoked, Notes []any
	}
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || len(all.Rings) != 1 || all.Revoked == nil || all.Notes == nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	for _, name := range []string{"version", "kid", "state", "created_at", "signs_from", "signs_until", "retires_at", "age_seconds", "use", "public_key"} {
		if _, ok := all.Rings[0].Versions[0][name]; !ok {
			t.Errorf("no %s in %s", name, stdout)
		}
	}
	if reason := all.Rings[0].Versions[0]["retires_at"]; !strings.Contains(strings.Join(strings.Fields(stdout), " "), `"reason": "no newer version may sign"`) {
		t.Errorf("retires_at: %v", reason)
	}
}

// TestKeysAskNobody: where nobody can answer, nothing is asked of Vault either.
func TestKeysAskNobody(t *testing.T) {
	f := newKeysFixture(t)
	for _, args := range [][]string{{"rotate"}, {"retire"}, {"trim"}, {"revoke", "--all"}} {
		f.keys(t, 2, args, "use --yes, or --dry-run")
	}
	if f.vault.Calls("read", "transit/keys/es") > 0 {
		t.Error("Vault was asked")
	}
}

func TestKeysWrongUsage(t *testing.T) {
	f := newKeysFixture(t)
	for _, args := range [][]string{
		{"list", "-o", "xml"},
		{"list", "--ring", "other"},
		{"list", "extra"},
		{"rotate", "--yes", "--ring", "other"},
		{"retire", "--yes", "--to", "-1"},
		{"retire", "--yes", "--to", "9"},
		{"trim", "--yes", "--ring", "other"},
		{"revoke", "--yes"},
		{"list", "--ring", ""},
		{"rotate", "--yes", "--ring", ""},
		{"retire", "--yes", "--ring", ""},
		{"trim", "--yes", "--ring", ""},
		{"revoke", "--yes", "--all", "--ring", ""},
		{"revoke", "--yes", "--all", "--kid", ""},
		{"revoke", "--yes", "--all", "--version", "0"},
		{"revoke", "--yes", "--all", "--rotate", "--above", "0"},
		{"revoke", "--yes", "--kid", "x"},
		{"revoke", "--yes", "--version", "7"},
		{"revoke", "--yes", "--all", "--kid", strings.Repeat("A", 43)},
	} {
		f.keys(t, 2, args)
	}
}

func TestKeysDryRun(t *testing.T) {
	f := newKeysFixture(t)
	f.vault.Rotate("es")
	f.vault.Created("es", 1, time.Now().Add(-100*time.Hour))
	f.vault.Created("es", 2, time.Now().Add(-50*time.Hour))
	f.keys(t, 0, []string{"rotate", "--dry-run"}, "transit/keys/es/rotate", "version 3")
	f.keys(t, 0, []string{"retire", "--dry-run"}, "min_encryption_version=2")
	f.keys(t, 0, []string{"retire", "--dry-run", "--force"}, "min_decryption_version=2", "live tokens of version 1 die")
	f.keys(t, 0, []string{"revoke", "--dry-run", "--all"}, "transit/keys/es/rotate", "min_available_version=3", "before its publish_delay is over")
	f.vault.Configure("es", 2, 2)
	f.keys(t, 0, []string{"trim", "--dry-run"}, "min_available_version=2", "without --force this is refused")
	for _, path := range []string{"/rotate", "/config", "/trim"} {
		if f.vault.Calls("write", "transit/keys/es"+path) > 0 {
			t.Errorf("a dry run wrote %s", path)
		}
	}
	if f.redis.Exists("signet:revoked") {
		t.Error("a dry run revoked")
	}
}

// TestKeysRevokeVaultAway: the list is written without Vault too.
func TestKeysRevokeVaultAway(t *testing.T) {
	f := newKeysFixture(t)
	f.sealed.Store(true)
	kid := strings.Repeat("A", 43)
	f.keys(t, 1, []string{"revoke", "--yes", "--kid", kid}, "it is sealed", "done: revoked list  "+kid, "run it again", "--kid "+kid)
	if f.redis.HGet("signet:revoked", kid) == "" {
		t.Error("it is not on the list")
	}
	f.keys(t, 1, []string{"revoke", "--yes", "--version", "1"}, "it is sealed")
}

// TestKeysRevokeNoToken: without a token of Vault's the list is written too.
func TestKeysRevokeNoToken(t *testing.T) {
	f := newKeysFixture(t)
	t.Setenv("VAULT_TOKEN", "")
	t.Setenv("HOME", t.TempDir())
	kid := strings.Repeat("A", 43)
	f.keys(t, 1, []string{"revoke", "--yes", "--kid", kid}, "no Vault token", "done: revoked list  "+kid, "--kid "+kid)
	if f.redis.HGet("signet:revoked", kid) == "" {
		t.Error("it is not on the list")
	}
	f.keys(t, 1, []string{"revoke", "--yes", "--version", "1"}, "no Vault token")
	f.keys(t, 1, []string{"list"}, "no Vault token")
}

func TestKeysDenied(t *testing.T) {
	f := newKeysFixture(t)
	f.vault.Fail(func(string, string) error {
		return &vaultapi.Error{Status: http.StatusForbidden, Messages: []string{"1 error occurred:\n\t* permission denied\n\n"}}
	})
	f.keys(t, 1, []string{"list"}, "permission denied", "deploy/vault/key-operator.hcl")
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]error{"es\n": nil, " es \n": nil, "es": nil, "yes\n": errNotConfirmed, "\n": errNotConfirmed, "": errNotConfirmed, "no\nes\n": errNotConfirmed} {
		var out bytes.Buffer
		if err := confirm(t.Context(), strings.NewReader(answer), &out, "Do this?", "es"); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", answer, err, want)
		}
		if !strings.Contains(out.String(), "Do this? Type es to go on:") {
			t.Errorf("asked %q", out.String())
		}
	}
}

// TestConfirmCancelled: Ctrl-C ends the question, whoever is slow to answer.
func TestConfirmCancelled(t *testing.T) {
	in, typing := io.Pipe()
	defer func() { _ = typing.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, from := range []io.Reader{in, strings.NewReader("yes\n")} {
		if err := confirm(ctx, from, io.Discard, "Do this?", "yes"); !errors.Is(err, errNotConfirmed) {
			t.Error(err)
		}
	}
}

func TestTerminal(t *testing.T) {
	for path, want := range map[string]bool{os.DevNull: false, "/dev/zero": true, os.Args[0]: false} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := terminal(file); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
		_ = file.Close()
	}
	if terminal(strings.NewReader("")) {
		t.Error("a string is no terminal")
	}
}

func TestDays(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 61 * time.Second: "1m1s", time.Hour: "1h", 25 * time.Hour: "1d1h", 24*time.Hour + time.Minute: "1d",
		291*time.Hour + time.Minute: "12d3h", 2160 * time.Hour: "90d", 90 * time.Minute: "1h30m",
	} {
		if got := days(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for over, want := range map[manual.Over]string{
		manual.OverNothing: "2d of 1d", manual.OverRotationPeriod: "2d of 1d !", manual.OverCryptoperiod: "2d of 1d !!",
	} {
		v := manual.VersionListing{Version: manual.Version{CreatedAt: time.Now()}, Age: 48 * time.Hour, Over: over}
		if got := age(&v, 24*time.Hour); got != want {
			t.Errorf("%s: %s, want %s", over, got, want)
		}
	}
}
