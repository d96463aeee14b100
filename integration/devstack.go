package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Devstack is a running `bin/devstack run`: what `make run` starts.
type Devstack struct {
	Dir     string // holds the env file
	process *process
}

// StartDevstack starts everything that `make run` starts, on free ports, and
// returns when the env file says that it is ready.
func StartDevstack(t testing.TB, args ...string) *Devstack {
	t.Helper()
	_, port := splitAddr(t, FreeAddr(t))
	_, ops := splitAddr(t, FreeAddr(t))
	d := &Devstack{Dir: t.TempDir()}
	env := append(os.Environ(), "SIGNET_DEVSTACK_DIR="+d.Dir, "SIGNET_PORT="+port, "SIGNET_OPS_PORT="+ops)
	d.process = start(t, "devstack", env, devstackBinary(t), append([]string{"run", "--signet", SignetBinary(t)}, args...)...)
	Eventually(t, 2*time.Minute, "the devstack wrote its env file", func() bool {
		if d.process.exited() {
			t.Fatalf("the devstack ended at start:\n%s", d.process.log.String())
		}
		_, err := os.Stat(filepath.Join(d.Dir, "env"))
		return err == nil
	})
	return d
}

// Stop ends it with SIGTERM, as Ctrl-C does.
func (d *Devstack) Stop(t testing.TB) { t.Helper(); d.process.stop(t) }
