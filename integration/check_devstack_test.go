package integration_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"signet/integration"
)

// TestDevstackPassesTheCheck: what `make run` starts is set up as an operator's
// Vault should be, and a script that sources its env file can prove it.
func TestDevstackPassesTheCheck(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // it brings its own Vault
	}
	d := integration.StartDevstack(t)
	cmd := exec.CommandContext(t.Context(), "bash", "-c", `source "$1" && exec "$2" vault check --config "$SIGNET_CONFIG"`,
		"bash", filepath.Join(d.Dir, "env"), integration.SignetBinary(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
