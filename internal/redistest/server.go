package redistest

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Server is the address of the server that the environment names, or of one
// that this starts; ok is false if there is none to be had.
func Server(t testing.TB) (addr string, ok bool) {
	t.Helper()
	if addr := os.Getenv("SIGNET_TEST_REDIS_ADDR"); addr != "" {
		return addr, true
	}
	return Start(t)
}

// Start starts a server of the test's own with additional arguments, in which
// PORT stands for the port of the address; without one the server listens
// there in plain TCP. It ends with the test, and keeps nothing on disk; ok is
// false if this machine has no redis-server.
func Start(t testing.TB, args ...string) (addr string, ok bool) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("SIGNET_TEST_STRICT") != "" {
			t.Fatal("SIGNET_TEST_STRICT demands a real Redis: install redis-server")
		}
		return "", false
	}
	port := FreePort(t)
	if !slices.Contains(args, "PORT") {
		args = append([]string{"--port", "PORT"}, args...)
	}
	full := []string{"--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}
	for _, arg := range args {
		full = append(full, strings.ReplaceAll(arg, "PORT", port))
	}
	cmd := exec.CommandContext(t.Context(), path, full...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting redis-server: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed" is what we asked for
	})
	var seen strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // or the server would block on its log
			return "127.0.0.1:" + port, true
		}
	}
	t.Fatalf("redis-server ended before it was ready:\n%s", seen.String())
	return "", false
}

// FreePort is a TCP port of this machine that nobody listens on now.
func FreePort(t testing.TB) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
