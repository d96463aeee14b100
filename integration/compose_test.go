package integration_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/integration"
)

// composeBound is how long the whole test may take but for the clean-up.
const composeBound = 90 * time.Second

// TestCompose starts docker-compose.yml as `make up` does. The two replicas
// share nothing but Vault and Redis, so a token of one must be active at the
// other, and dead at both once revoked.
func TestCompose(t *testing.T) {
	if !integration.OnlyOn(t, integration.Docker) {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), composeBound)
	defer cancel()
	compose := newCompose(ctx, t)
	compose.up(ctx, t)

	client := demoOfCompose(t)
	replicas := []*integration.Signet{{URL: compose.urls[0]}, {URL: compose.urls[1]}}
	tokens := make([]string, len(replicas))
	for i, replica := range replicas {
		integration.Eventually(t, remaining(ctx, t), replica.URL+" serves a token and reads the denylist", func() bool {
			reply, err := replica.TryPost("/oauth2/token", client, url.Values{"grant_type": {"client_credentials"}})
			if err != nil || reply.Status != http.StatusOK {
				return false
			}
			tokens[i] = reply.String(t, "access_token")
			reply, err = replica.TryPost("/oauth2/introspect", client, url.Values{"token": {tokens[i]}})
			return err == nil && reply.Status == http.StatusOK
		})
	}
	for i, replica := range replicas {
		if !replica.Active(t, client, tokens[1-i]) {
			t.Errorf("a token of replica %d is not active at replica %d", 2-i, i+1)
		}
	}
	replicas[0].Post(t, "/oauth2/revoke", client, url.Values{"token": {tokens[0]}}).Want(t, http.StatusOK)
	for i, replica := range replicas {
		if replica.Active(t, client, tokens[0]) {
			t.Errorf("a revoked token is active at replica %d", i+1)
		}
	}
}

// compose is one docker-compose project of its own, on free ports.
type compose struct {
	command []string
	env     []string
	urls    []string // the replicas'
}

func newCompose(ctx context.Context, t *testing.T) *compose {
	t.Helper()
	image := os.Getenv("SIGNET_IMAGE")
	if image == "" {
		image = "signet:dev"
	}
	integration.Need(t, exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() == nil, "the image "+image+" (make images)")
	c := &compose{env: os.Environ()}
	switch {
	case exec.CommandContext(ctx, "docker-compose", "version").Run() == nil:
		c.command = []string{"docker-compose"}
	case exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil:
		c.command = []string{"docker", "compose"}
	default:
		integration.Need(t, false, "docker-compose")
	}
	c.command = append(c.command, "--file", filepath.Join(integration.Root(), "docker-compose.yml"),
		"--project-name", "signet-test-"+strings.ToLower(rand.Text()[:10]))
	for _, name := range []string{"SIGNET_1_PORT", "SIGNET_2_PORT", "SIGNET_1_OPS_PORT", "SIGNET_2_OPS_PORT", "VAULT_PORT"} {
		addr := integration.FreeAddr(t)
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		c.env = append(c.env, name+"="+port)
		if regexp.MustCompile(`^SIGNET_\d_PORT$`).MatchString(name) {
			c.urls = append(c.urls, "http://"+addr)
		}
	}
	return c
}

// up starts the project, and has it removed at the end, volumes and all.
func (c *compose) up(ctx context.Context, t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		// The test's own context is over by now; cleaning up gets its own bound.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if t.Failed() {
			out, _ := c.run(ctx, "logs", "--no-color")
			t.Logf("the containers' logs:\n%s", out)
		}
		if out, err := c.run(ctx, "down", "--volumes", "--timeout", "5"); err != nil {
			t.Errorf("docker-compose down: %v\n%s", err, out)
		}
	})
	if out, err := c.run(ctx, "up", "--detach"); err != nil {
		t.Fatalf("docker-compose up: %v\n%s", err, out)
	}
}

func (c *compose) run(ctx context.Context, args ...string) (string, error) {
	args = append(c.command[1:len(c.command):len(c.command)], args...)
	cmd := exec.CommandContext(ctx, c.command[0], args...)
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// demoOfCompose reads the demo client where people do: in the comment of its file.
func demoOfCompose(t *testing.T) integration.Client {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(integration.Root(), "deploy", "compose", "clients.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`client secret +(sgc_\S+)`).FindSubmatch(raw)
	if m == nil {
		t.Fatal("deploy/compose/clients.yaml does not tell the demo client's secret")
	}
	return integration.Client{ID: "demo", Secret: string(m[1])}
}

// remaining is what is left of the test's time.
func remaining(ctx context.Context, t *testing.T) time.Duration {
	t.Helper()
	deadline, ok := ctx.Deadline()
	if !ok {
		t.Fatal("the context has no deadline")
	}
	return time.Until(deadline)
}
