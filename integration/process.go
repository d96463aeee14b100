package integration

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/internal/logtest"
)

// process is a child that ends with its test, and with the test binary should
// that be killed.
type process struct {
	cmd  *exec.Cmd
	log  *logtest.Buffer
	done chan struct{}
	err  error
}

// start runs the command. Its output is kept, and printed if the test fails.
func start(t testing.TB, name string, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{log: &logtest.Buffer{}, done: make(chan struct{})}
	p.cmd = exec.Command(path, args...) //nolint:noctx // stop ends it, with SIGTERM first
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = env
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, tail(p.log.String(), 12000))
		}
	})
	return p
}

// stop asks with SIGTERM, waits, and then insists.
func (p *process) stop(t testing.TB) {
	t.Helper()
	if p.exited() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
		t.Errorf("%s did not end within 15 s of SIGTERM", p.cmd.Path)
	}
}

func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// exitCode waits for the end and returns the code, -1 for a signal.
func (p *process) exitCode(t testing.TB, within time.Duration) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		t.Fatalf("%s still runs after %s; output:\n%s", p.cmd.Path, within, tail(p.log.String(), 4000))
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode()
	}
	return 0
}

func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "... " + strings.TrimSpace(s[len(s)-n:])
}

// Eventually polls the condition until it holds, and fails after the bound:
// the tests' only way of waiting.
func Eventually(t testing.TB, within time.Duration, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		<-tick.C
	}
}
