package redistest

import (
	"net"
	"os"
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
	p, ok := StartProcess(t, args...)
	if !ok {
		return "", false
	}
	return p.Addr, true
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
