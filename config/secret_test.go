package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"signet/config"
)

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) config.Secret {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return config.Secret{File: path}
	}
	t.Setenv("SIGNET_TEST_SECRET", "from env\n")
	t.Setenv("SIGNET_TEST_EMPTY", " ")
	for name, c := range map[string]struct {
		secret config.Secret
		want   string
		err    string
	}{
		"file":         {file("a", "hvs.abc\r\n"), "hvs.abc", ""},
		"inner spaces": {file("b", " a b "), " a b", ""},
		"env":          {config.Secret{Env: "SIGNET_TEST_SECRET"}, "from env", ""},
		"empty file":   {file("c", ""), "", "is empty"},
		"blank file":   {file("d", "\n\n"), "", "is empty"},
		"two lines":    {file("e", "s3cret\nb\n"), "", "more than one line"},
		"too long":     {file("f", strings.Repeat("s3cret", 20000)), "", "longer than"},
		"missing file": {config.Secret{File: filepath.Join(dir, "none")}, "", "no such file"},
		"a directory":  {config.Secret{File: dir}, "", "reading the secret"},
		"a pipe":       {pipe(t), "", "is a named pipe"},
		"empty env":    {config.Secret{Env: "SIGNET_TEST_EMPTY"}, "", "is empty"},
		"unset env":    {config.Secret{Env: "SIGNET_TEST_NOT_SET"}, "", "is not set"},
		"none":         {config.Secret{}, "", "none is configured"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.secret.Read()
			if got != c.want || (err == nil) != (c.err == "") {
				t.Fatalf("got %q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("error %v, want %q and no secret", err, c.err)
			}
		})
	}
}

// pipe is the path of a named pipe that nobody writes to.
func pipe(t *testing.T) config.Secret {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Secret{File: path}
}

// TestLoadRefusesAPipe, instead of waiting for a writer for ever.
func TestLoadRefusesAPipe(t *testing.T) {
	if _, err := config.Load(pipe(t).File); err == nil || !strings.Contains(err.Error(), "is a named pipe") {
		t.Errorf("got %v", err)
	}
}

func TestCheckSecretsReportsAll(t *testing.T) {
	c, err := config.Load("testdata/good/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SIGNET_SECRET_ID", "")
	var all *config.Error
	if err := c.CheckSecrets(); !errors.As(err, &all) {
		t.Fatalf("error %v, want *config.Error", err)
	}
	want := []string{"vault.auth.role_id", "vault.auth.secret_id", "keeper.vault.auth.role_id", "keeper.vault.auth.secret_id", "redis.password", "redis.sentinel_password"}
	if len(all.Violations) != len(want) {
		t.Fatalf("violations %+v, want %v", all.Violations, want)
	}
	for i, v := range all.Violations {
		if v.Field != want[i] || v.Line == 0 || v.Remedy == "" {
			t.Errorf("violation %+v, want %s with its line", v, want[i])
		}
	}
}

func TestCheckSecretsPasses(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"signet.yaml": `{issuer: "http://localhost:8080", vault: {address: "http://127.0.0.1:1", insecure: true,
			auth: {method: token_file, token_file: token}}, rings: [{name: a}], redis: {insecure: true}}`,
		"token": "hvs.x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "signet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Vault.Auth.TokenFile != filepath.Join(dir, "token") {
		t.Errorf("token_file %q", c.Vault.Auth.TokenFile)
	}
	if err := c.CheckSecrets(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(dir, "token")); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckSecrets(); err == nil || !strings.Contains(err.Error(), "vault.auth.token_file") {
		t.Errorf("error %v, want one about vault.auth.token_file", err)
	}
}
