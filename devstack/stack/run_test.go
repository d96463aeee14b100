package stack_test

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"signet/devstack/stack"
)

func TestRunsUntilToldToStop(t *testing.T) {
	r := prepare(t).start(t)
	env := r.ready(t)

	names := slices.Sorted(maps.Keys(env))
	want := []string{
		"REDIS_URL", "SIGNET_CLIENT_ID", "SIGNET_CLIENT_SECRET", "SIGNET_CONFIG", "SIGNET_OPS_URL",
		"SIGNET_RECORDS", "SIGNET_RING", "SIGNET_URL", "SIGNET_VAULT_LOG", "VAULT_ADDR", "VAULT_TOKEN",
	}
	if !slices.Equal(names, want) {
		t.Errorf("variables %v, want %v", names, want)
	}
	if env["SIGNET_RING"] != "signet-es256" || env["VAULT_TOKEN"] != "root" {
		t.Errorf("ring %q, token %q", env["SIGNET_RING"], env["VAULT_TOKEN"])
	}
	if r.vault.audit != env["SIGNET_VAULT_LOG"] || r.vault.audit != filepath.Join(r.Dir, "logs", "vault-audit.log") {
		t.Errorf("Vault's audit log is %s, SIGNET_VAULT_LOG=%s", r.vault.audit, env["SIGNET_VAULT_LOG"])
	}
	for _, name := range []string{"env", "signet.yaml", "clients.yaml"} {
		info, err := os.Stat(filepath.Join(r.Dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v (%v), want mode 0600", name, info, err)
		}
	}
	if err := get(t, env["SIGNET_URL"]+"/"); err != nil {
		t.Error(err)
	}
	for _, flow := range []string{"client_credentials", "/v1/tokens", "refresh_token", "/oauth2/revoke", "/oauth2/introspect", "jwks.json"} {
		if !strings.Contains(r.out.String(), flow) {
			t.Errorf("prints no command with %s", flow)
		}
	}
	if strings.Contains(r.out.String(), env["SIGNET_CLIENT_SECRET"]) {
		t.Error("prints the client's secret")
	}

	r.stop()
	if err := r.ended(t); err != nil {
		t.Errorf("told to stop: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.Dir, "env")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the env file is still there (%v)", err)
	}
	if err := get(t, env["SIGNET_URL"]+"/"); err == nil {
		t.Error("signet still answers")
	}
	if !r.vault.closed {
		t.Error("Vault was not closed")
	}
}

// The operator's shell may point at some other Vault.
func TestKeepsTheShellsVaultOut(t *testing.T) {
	t.Setenv("VAULT_NAMESPACE", "somebody-elses")
	r := prepare(t).start(t)
	env := r.ready(t)
	raw, err := os.ReadFile(filepath.Join(r.Dir, "vault-init.log"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.TrimSpace(string(raw)), "init with "+env["VAULT_ADDR"]+" root"; got != want {
		t.Errorf("init ran as %q, want %q", got, want)
	}
}

func TestEndsWhenAPartEnds(t *testing.T) {
	t.Run("signet", func(t *testing.T) {
		r := prepare(t).start(t)
		env := r.ready(t)
		_ = get(t, env["SIGNET_URL"]+"/die")
		if err := r.ended(t); err == nil || !strings.Contains(err.Error(), "signet serve ended (exit status 7)") {
			t.Errorf("error %v, want one about the exit status of signet serve", err)
		}
		if _, err := os.Stat(filepath.Join(r.Dir, "env")); err == nil {
			t.Error("the env file is still there")
		}
	})
	t.Run("vault", func(t *testing.T) {
		r := prepare(t).start(t)
		r.ready(t)
		broken := errors.New("listener broke")
		r.vault.failed <- broken
		if err := r.ended(t); !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
	})
}

func TestSaysWhatFailedAtStart(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("vault broke")
	for name, test := range map[string]struct {
		spoil func(*running)
		want  []string
	}{
		"public port taken":  {func(r *running) { r.PublicPort = port }, []string{port, "SIGNET_PORT"}},
		"ops port taken":     {func(r *running) { r.OpsPort = port }, []string{port, "SIGNET_OPS_PORT"}},
		"vault port taken":   {func(r *running) { r.VaultPort = port }, []string{port, "SIGNET_VAULT_PORT"}},
		"redis port taken":   {func(r *running) { r.RedisPort = port }, []string{port, "SIGNET_REDIS_PORT"}},
		"port is a word":     {func(r *running) { r.PublicPort = "http" }, []string{`SIGNET_PORT="http"`}},
		"port too high":      {func(r *running) { r.PublicPort = "65536" }, []string{`SIGNET_PORT="65536"`}},
		"no signet":          {func(r *running) { r.Signet += "-not" }, []string{"make build"}},
		"vault init fails":   {func(r *running) { r.Signet = fakeBinary(t, "noinit") }, []string{"signet vault init", "permission denied, says this fake"}},
		"serve fails":        {func(r *running) { r.Signet = fakeBinary(t, "dies") }, []string{"signet serve ended", "bad configuration, says this fake"}},
		"no token":           {func(r *running) { r.Signet = fakeBinary(t, "notoken") }, []string{"first token", "401"}},
		"data without redis": {func(r *running) { r.Data = r.Dir + "-data" }, []string{"install redis-server"}},
		"data is dir":        {func(r *running) { r.Data = r.Dir }, []string{"SIGNET_DEVSTACK_DIR"}},
		"vault fails": {func(r *running) {
			r.StartVault = func(context.Context, stack.VaultConfig) (stack.Vault, error) { return stack.Vault{}, broken }
		}, []string{"starting Vault: vault broke"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := prepare(t)
			test.spoil(r)
			err := r.start(t).ended(t)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if _, err := os.Stat(filepath.Join(r.Dir, "env")); err == nil {
				t.Error("left an env file")
			}
		})
	}
}

func TestOneStackADirectory(t *testing.T) {
	first := prepare(t).start(t)
	first.ready(t)
	second := prepare(t)
	second.Dir = first.Dir
	if err := second.start(t).ended(t); err == nil || !strings.Contains(err.Error(), "SIGNET_DEVSTACK_DIR") {
		t.Errorf("error %v, want a refusal that names SIGNET_DEVSTACK_DIR", err)
	}
	if _, err := os.Stat(filepath.Join(first.Dir, "env")); err != nil {
		t.Errorf("the refused stack touched the first one's env file: %v", err)
	}
	first.stop()
	if err := first.ended(t); err != nil {
		t.Fatal(err)
	}
	third := prepare(t)
	third.Dir = first.Dir
	third.start(t).ready(t)
}

// A stale env file of a killed stack must not make scripts believe in it.
func TestRemovesAStaleEnvFileBeforeAnythingElse(t *testing.T) {
	r := prepare(t)
	r.Signet = fakeBinary(t, "dies")
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "env"), []byte("stale"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = r.start(t).ended(t)
	if _, err := os.Stat(filepath.Join(r.Dir, "env")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stale env file is still there (%v)", err)
	}
}
