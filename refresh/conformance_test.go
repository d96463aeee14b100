package refresh_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/refresh/refreshtest"
)

func TestMiniredis(t *testing.T) {
	t.Parallel()
	refreshtest.Run(t, openMini)
}

// openMini is a server whose clock stands still until it is told to move.
func openMini(t *testing.T) refreshtest.Harness {
	t.Helper()
	server := miniredis.RunT(t)
	var mu sync.Mutex
	now := time.UnixMilli(1_800_000_000_123).UTC()
	server.SetTime(now)
	client := dial(t, server.Addr())
	return refreshtest.Harness{
		Redis: client, Grace: 30 * time.Second, Instant: true,
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		},
		Advance: func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
			server.SetTime(now)
			server.FastForward(d)
		},
	}
}

func dial(t *testing.T, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, ContextTimeoutEnabled: true,
		DialTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, PoolTimeout: 10 * time.Second,
	})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
	})
	return client
}

// TestRedis runs where there is a real Redis; elsewhere it has no subtests,
// and fails if the run is strict.
func TestRedis(t *testing.T) {
	t.Parallel()
	addr, ok := realRedis(t)
	if !ok {
		return
	}
	refreshtest.Run(t, func(t *testing.T) refreshtest.Harness { return openReal(t, addr) })
}

// openReal has a real clock, so that Advance must wait.
func openReal(t *testing.T, addr string) refreshtest.Harness {
	t.Helper()
	client := dial(t, addr)
	return refreshtest.Harness{
		Redis: client, Grace: time.Second, Memory: true,
		Advance: func(d time.Duration) {
			t.Helper()
			until := redisTime(t, client).Add(d)
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for redisTime(t, client).Before(until) {
				<-tick.C
			}
		},
	}
}

func redisTime(t *testing.T, client redis.UniversalClient) time.Time {
	t.Helper()
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatalf("asking redis for the time: %v", err)
	}
	return now
}

// realRedis is the server given, or one that the test starts itself.
func realRedis(t *testing.T) (addr string, ok bool) {
	t.Helper()
	if addr := os.Getenv("SIGNET_TEST_REDIS_ADDR"); addr != "" {
		return addr, true
	}
	if addr, ok := startRedis(t); ok {
		return addr, true
	}
	if os.Getenv("SIGNET_TEST_STRICT") == "1" {
		t.Fatal("SIGNET_TEST_STRICT=1 demands a real Redis: install redis-server, or set SIGNET_TEST_REDIS_ADDR")
	}
	return "", false
}

func startRedis(t *testing.T, args ...string) (addr string, ok bool) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", false
	}
	port := freePort(t)
	cmd := exec.CommandContext(t.Context(), path, append([]string{
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(),
	}, args...)...)
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
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, out) }() // or the server would block on its log
			return "127.0.0.1:" + port, true
		}
	}
	t.Fatalf("redis-server ended before it was ready: %v", lines.Err())
	return "", false
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	tcp, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("a listener of %T", listener.Addr())
	}
	return fmt.Sprint(tcp.Port)
}
