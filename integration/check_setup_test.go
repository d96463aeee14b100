package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"signet/integration"
)

// checked is a configuration, and a Vault that `signet vault init` has prepared
// for it on a mount of its own.
type checked struct {
	vault *integration.Vault
	dir   string
	name  string // of the mount; the rings' names begin with it

	// What the configuration says.
	ring, algorithm, macKey string
	address                 string
	issuerAuth, keeperAuth  string // keeperAuth "" = no section keeper
	publishDelay            string

	issuerDir string // of the credentials that the issuer has now

	operator string // the token in VAULT_TOKEN of the check; "" = none
}

// newChecked prepares everything rightly.
func newChecked(t *testing.T, vault *integration.Vault, name string) *checked {
	t.Helper()
	c := &checked{
		vault: vault, dir: t.TempDir(), name: name, ring: name + "-ring", algorithm: "ES256", macKey: name + "-refresh",
		address: vault.Addr, publishDelay: "24h", operator: vault.RootToken,
	}
	c.issuerDir, c.issuerAuth, c.keeperAuth = "issuer", c.appRole("issuer"), c.appRole("keeper")
	c.signet(t, "vault", "init", "--config", c.config(t), "--narrow-policies",
		"--credentials-dir", filepath.Join(c.dir, "issuer"), "--keeper-credentials-dir", filepath.Join(c.dir, "keeper"))
	return c
}

// appRole logs in with the credentials in a directory.
func (c *checked) appRole(dir string) string {
	return fmt.Sprintf("{method: approle, role_id: {file: %[1]s/role_id}, secret_id: {file: %[1]s/secret_id}}", dir)
}

// token logs in with a token as it is.
func (c *checked) token(t *testing.T, token string) string {
	t.Helper()
	path := filepath.Join(c.dir, "token")
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return "{method: token, token: {file: " + path + "}}"
}

// config writes the configuration and returns its path.
func (c *checked) config(t *testing.T) string {
	t.Helper()
	path := filepath.Join(c.dir, "signet.yaml")
	keeper := ""
	if c.keeperAuth != "" {
		keeper = "keeper: {vault: {auth: " + c.keeperAuth + "}}\n"
	}
	text := fmt.Sprintf(`issuer: https://tokens.example.com
vault: {address: %q, insecure: true, transit_mount: %s, auth: %s}
%srings:
  - {name: %s, algorithm: %s, publish_delay: %s}
  - {name: %s-mac, algorithm: HS256}
refresh: {mac_key: %s}
redis: {addresses: ["127.0.0.1:6379"], insecure: true}
`, c.address, c.name, c.issuerAuth, keeper, c.ring, c.algorithm, c.publishDelay, c.name, c.macKey)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// signet runs a command as the operator, and wants it to work.
func (c *checked) signet(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), args...)
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+c.vault.Addr, "VAULT_TOKEN="+c.vault.RootToken)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// check runs `signet vault check` and returns the exit code and what it printed.
func (c *checked) check(t *testing.T) (code int, out string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), integration.SignetBinary(t), "vault", "check", "--config", c.config(t))
	cmd.Env = append(os.Environ(), "VAULT_ADDR="+c.vault.Addr, "VAULT_TOKEN="+c.operator, "HOME="+c.dir)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if code != 0 && code != 3 {
		t.Fatalf("exit code %d:\n%s%s", code, stdout.String(), stderr.String())
	}
	return code, stdout.String()
}

// wantRight wants a check that finds nothing.
func (c *checked) wantRight(t *testing.T) {
	t.Helper()
	if code, out := c.check(t); code != 0 || !regexp.MustCompile(`\A\d+ checks passed\n\z`).MatchString(out) {
		t.Fatalf("exit code %d, want nothing found:\n%s", code, out)
	}
}

// wantFound wants one line that begins so, and returns it.
func (c *checked) wantFound(t *testing.T, line string) string {
	t.Helper()
	code, out := c.check(t)
	for found := range strings.Lines(out) {
		if strings.HasPrefix(strings.Join(strings.Fields(found), " "), line) {
			if code != 3 {
				t.Errorf("exit code %d, want 3", code)
			}
			return found
		}
	}
	t.Fatalf("exit code %d, no line %q:\n%s", code, line, out)
	return ""
}

// policy is the text of a policy, and put writes it.
func (c *checked) policy(t *testing.T, name string) string {
	t.Helper()
	text, _ := c.vault.Must(t, http.MethodGet, "sys/policies/acl/"+name, nil)["policy"].(string)
	return text
}

func (c *checked) put(t *testing.T, name, text string) {
	t.Helper()
	c.vault.Must(t, http.MethodPut, "sys/policies/acl/"+name, map[string]any{"policy": text})
}

// allow adds a rule to a policy.
func (c *checked) allow(t *testing.T, policy, path, capabilities string) {
	t.Helper()
	c.put(t, policy, c.policy(t, policy)+fmt.Sprintf("\npath %q { capabilities = [%s] }\n", c.path(path), capabilities))
}

// path puts names in: M stands for the mount, R for the ring, K for the key
// behind refresh tokens.
func (c *checked) path(p string) string {
	return strings.NewReplacer("M/", c.name+"/", "/R", "/"+c.ring, "/K", "/"+c.macKey).Replace(p)
}

func (c *checked) set(t *testing.T, path string, fields map[string]any) {
	t.Helper()
	c.vault.Must(t, http.MethodPost, c.path(path), fields)
}

// tokenWith is a token with these policies and no other.
func (c *checked) tokenWith(t *testing.T, policies ...string) string {
	t.Helper()
	_, body := c.vault.Do(t, c.vault.RootToken, http.MethodPost, "auth/token/create", map[string]any{"policies": policies, "no_default_policy": true})
	auth, _ := body["auth"].(map[string]any)
	token, ok := auth["client_token"].(string)
	if !ok {
		t.Fatalf("creating a token: %v", body)
	}
	return token
}

var quotedCommand = regexp.MustCompile("`([^`]+)`")

// follow does what the commands in a finding's remedy say.
func (c *checked) follow(t *testing.T, finding string) {
	t.Helper()
	commands := quotedCommand.FindAllStringSubmatch(finding, -1)
	if len(commands) == 0 {
		t.Fatalf("no command in %s", finding)
	}
	for _, m := range commands {
		c.command(t, strings.Fields(strings.ReplaceAll(m[1], "DIR", filepath.Join(c.dir, "new"))))
	}
}

// command runs signet itself; of Vault's command line, which tests do not have,
// it makes the API call.
func (c *checked) command(t *testing.T, words []string) {
	t.Helper()
	switch {
	case words[0] == "signet":
		c.signet(t, words[1:]...)
	case strings.HasPrefix(strings.Join(words, " "), "vault audit enable "):
		// Not to this machine's /var/log.
		c.vault.Must(t, http.MethodPut, "sys/audit/"+words[3], map[string]any{"type": words[3], "options": map[string]string{"file_path": "discard"}})
	case strings.HasPrefix(strings.Join(words, " "), "vault audit disable "):
		c.vault.Must(t, http.MethodDelete, "sys/audit/"+words[3], nil)
	case words[0] == "vault" && words[1] == "write":
		fields := map[string]any{}
		for _, word := range words[3:] {
			name, value, _ := strings.Cut(word, "=")
			maps.Copy(fields, map[string]any{name: value})
		}
		c.vault.Must(t, http.MethodPost, words[2], fields)
	default:
		t.Fatalf("a command that nobody knows: %q", words)
	}
}
