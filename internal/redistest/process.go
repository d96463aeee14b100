package redistest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a server of the test's own.
type Process struct {
	Addr string // 127.0.0.1:PORT
	Port string

	cmd *exec.Cmd
}

// StartProcess is Start for a test that halts its server.
func StartProcess(t testing.TB, args ...string) (*Process, bool) {
	t.Helper()
	path, ok := redisServer(t)
	if !ok {
		return nil, false
	}
	port := FreePort(t)
	if !slices.Contains(args, "PORT") {
		args = append([]string{"--port", "PORT"}, args...)
	}
	full := []string{"--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}
	for _, arg := range args {
		full = append(full, strings.ReplaceAll(arg, "PORT", port))
	}
	return launch(t, port, path, full...), true
}

// StartConfigured starts a server, or with the argument --sentinel a Sentinel,
// by a text of configuration in which PORT stands for the port of its address
// and DIR for a directory that ends with the test.
func StartConfigured(t testing.TB, config string, args ...string) (*Process, bool) {
	t.Helper()
	path, ok := redisServer(t)
	if !ok {
		return nil, false
	}
	port, dir := FreePort(t), t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	config = strings.NewReplacer("PORT", port, "DIR", dir).Replace(config)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return launch(t, port, path, append([]string{file}, args...)...), true
}

func redisServer(t testing.TB) (path string, ok bool) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil && os.Getenv("SIGNET_TEST_STRICT") != "" {
		t.Fatal("SIGNET_TEST_STRICT demands a real Redis: install redis-server")
	}
	return path, err == nil
}

// launch returns when the server says that it is ready.
func launch(t testing.TB, port, path string, args ...string) *Process {
	t.Helper()
	p := &Process{Addr: "127.0.0.1:" + port, Port: port, cmd: exec.CommandContext(t.Context(), path, args...)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait() // "signal: killed" is what we asked for
	})
	var seen strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ready to accept connections") || strings.Contains(lines.Text(), "Sentinel ID is") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // or the server would block on its log
			return p
		}
	}
	t.Fatalf("redis-server ended before it was ready:\n%s", seen.String())
	return nil
}

// Halt stops the server where it stands, with its connections open, as a
// machine that hangs does. It returns when it has stopped; Resume lets it go on.
func (p *Process) Halt(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stat := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for { // where there is no /proc the signal has to do
		text, err := os.ReadFile(stat)
		if err != nil || strings.Contains(string(text), ") T ") {
			return
		}
		<-tick.C
	}
}

// Resume ends a halt.
func (p *Process) Resume(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
