package integration_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"signet/integration"
)

// TestDevstackKeepsItsState: `make run ARGS="--data DIR"` survives a restart,
// with Vault's keys and Redis's sessions, so that nobody has to log in again.
func TestDevstackKeepsItsState(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return
	}
	_, err := exec.LookPath("redis-server")
	integration.Need(t, err == nil, "redis-server: miniredis keeps nothing")
	data := filepath.Join(t.TempDir(), "data")
	first := integration.StartDevstack(t, "--data", data)
	s, client := reach(t, first)
	_, refresh := s.Pair(t, client, "user:alice")
	kids := s.KIDs(t)
	first.Stop(t)
	if _, err := os.Stat(filepath.Join(first.Dir, "env")); !os.IsNotExist(err) {
		t.Errorf("the env file of a stopped stack is still there: %v", err)
	}

	second := integration.StartDevstack(t, "--data", data)
	s, client = reach(t, second)
	if got := s.KIDs(t); len(got) != len(kids) || got[0] != kids[0] {
		t.Errorf("kids %v after the restart, before %v", got, kids)
	}
	s.Refresh(t, client, refresh).Want(t, http.StatusOK)
}

var exported = regexp.MustCompile(`(?m)^export (\w+)='([^']*)'$`)

// reach reads the env file, as a script would.
func reach(t *testing.T, d *integration.Devstack) (*integration.Signet, integration.Client) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.Dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, m := range exported.FindAllStringSubmatch(string(raw), -1) {
		env[m[1]] = m[2]
	}
	for _, name := range []string{
		"SIGNET_URL", "SIGNET_OPS_URL", "SIGNET_CLIENT_ID", "SIGNET_CLIENT_SECRET", "VAULT_ADDR", "VAULT_TOKEN",
		"SIGNET_RING", "REDIS_URL", "SIGNET_CONFIG", "SIGNET_VAULT_LOG", "SIGNET_RECORDS",
	} {
		if env[name] == "" {
			t.Errorf("the env file has no %s", name)
		}
	}
	return &integration.Signet{URL: env["SIGNET_URL"], OpsURL: env["SIGNET_OPS_URL"]},
		integration.Client{ID: env["SIGNET_CLIENT_ID"], Secret: env["SIGNET_CLIENT_SECRET"]}
}
