package integration

import (
	"os"
	"testing"
)

// Child is a process that a test starts besides the harness's own, such as one
// of many Redis servers.
type Child struct{ process *process }

// StartChild runs a command until Kill or the test's end. Its output is kept,
// and printed if the test fails.
func StartChild(t testing.TB, name, path string, args ...string) *Child {
	t.Helper()
	c := &Child{process: start(t, name, os.Environ(), path, args...)}
	t.Cleanup(c.Kill)
	return c
}

// Kill ends the process as a crash does, with SIGKILL, and returns when it is
// gone. Killing it again does nothing.
func (c *Child) Kill() {
	if !c.process.exited() {
		_ = c.process.cmd.Process.Kill()
	}
	<-c.process.done
}

// Exited reports whether the process is gone.
func (c *Child) Exited() bool { return c.process.exited() }

// Log is what the process has printed so far.
func (c *Child) Log() string { return c.process.log.String() }
