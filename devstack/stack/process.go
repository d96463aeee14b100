package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// stopBound is how long a child may take after SIGTERM, before SIGKILL.
const stopBound = 10 * time.Second

// command is a program to run; its output goes to the file Log.
type command struct {
	Name string // for messages
	Path string
	Args []string
	Env  []string // nil means the cleaned environment of this process
	Log  string
}

// child is a running program that does not outlive this process.
type child struct {
	name, log string
	process   *os.Process
	done      chan struct{}
	err       error // why it ended; valid after done
}

// spawn starts the program.
func spawn(c command) (*child, error) {
	out, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", c.Name, err)
	}
	cmd := exec.Command(c.Path, c.Args...) //nolint:gosec,noctx // the operator's own programs; stop ends them with SIGTERM first
	cmd.Stdout, cmd.Stderr, cmd.Env = out, out, c.Env
	if cmd.Env == nil {
		cmd.Env = cleanEnv()
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// A group of its own: Ctrl-C reaches this process only, which then ends
		// its children in order.
		Setpgid:   true,
		Pdeathsig: syscall.SIGKILL,
	}
	k := &child{name: c.Name, log: c.Log, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer func() { _ = out.Close() }()
		// The kernel sends Pdeathsig when the *thread* that forked ends (prctl(2)),
		// so this thread stays until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		k.process = cmd.Process
		started <- err
		if err == nil {
			k.err = cmd.Wait()
			close(k.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Name, err)
	}
	return k, nil
}

// stop asks with SIGTERM, waits, and then insists.
func (k *child) stop() {
	_ = k.process.Signal(syscall.SIGTERM) // an error means that it has ended
	bound := time.NewTimer(stopBound)
	defer bound.Stop()
	select {
	case <-k.done:
	case <-bound.C:
		_ = k.process.Kill()
		<-k.done
	}
}

// ended describes an end that nobody asked for.
func (k *child) ended() error {
	how := "exit status 0"
	if k.err != nil {
		how = k.err.Error()
	}
	return fmt.Errorf("%s ended (%s); the end of %s:\n%s", k.name, how, k.log, tail(k.log, 4000))
}

// finish runs the program to its end, which must be a success.
func finish(ctx context.Context, c command) error {
	k, err := spawn(c)
	if err != nil {
		return err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		k.stop()
		return context.Cause(ctx)
	}
	if k.err != nil {
		return k.ended()
	}
	return nil
}

// tail is the end of a log, for an error message.
func tail(path string, n int) string {
	raw, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err.Error()
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) > n {
		raw = raw[len(raw)-n:]
	}
	return string(raw)
}

// cleanEnv is this process's environment without the settings of some other
// Vault or Signet that the operator's shell may hold.
func cleanEnv(extra ...string) []string {
	var env []string
	for _, line := range os.Environ() {
		if !strings.HasPrefix(line, "VAULT_") && !strings.HasPrefix(line, "SIGNET_") {
			env = append(env, line)
		}
	}
	return append(env, extra...)
}
