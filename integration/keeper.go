package integration

import (
	"os"
	"testing"
)

// Keeper is one running `signet keeper`.
type Keeper struct{ process *process }

// StartKeeper starts one with a configuration file of the test's own.
func StartKeeper(t testing.TB, config string) *Keeper {
	t.Helper()
	return &Keeper{start(t, "keeper", os.Environ(), SignetBinary(t), "keeper", "--config", config)}
}

// Kill ends it at once, wherever it is, with SIGKILL.
func (k *Keeper) Kill() {
	_ = k.process.cmd.Process.Kill() // it may have ended by itself
	<-k.process.done
}

// Stop ends it as an orchestrator does, with SIGTERM.
func (k *Keeper) Stop(t testing.TB) { t.Helper(); k.process.stop(t) }

// Exited reports whether it has ended.
func (k *Keeper) Exited() bool { return k.process.exited() }

// Log is what it has printed so far.
func (k *Keeper) Log() string { return k.process.log.String() }
