package sharedstate_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/internal/sharedstate"
)

func open(t *testing.T, c sharedstate.Config) redis.UniversalClient {
	t.Helper()
	client, err := sharedstate.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("closing the client: %v", err)
		}
	})
	return client
}

// startRedis starts a server, if there is one on this machine; a strict run
// fails without.
func startRedis(t *testing.T, args ...string) (addr string, ok bool) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("SIGNET_TEST_STRICT") == "1" {
			t.Fatal("SIGNET_TEST_STRICT=1 demands a real Redis: install redis-server")
		}
		return "", false
	}
	port := freePort(t)
	for i, arg := range args {
		args[i] = strings.ReplaceAll(arg, "PORT", port)
	}
	if !strings.Contains(strings.Join(args, " "), port) {
		args = append(args, "--port", port)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
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

func freePort(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// eachServer runs a test on miniredis, and on a real Redis where there is one.
func eachServer(t *testing.T, test func(t *testing.T, client redis.UniversalClient, wait func(time.Duration))) {
	t.Run("miniredis", func(t *testing.T) {
		server := miniredis.RunT(t)
		now := time.UnixMilli(1_800_000_000_000)
		server.SetTime(now)
		test(t, open(t, sharedstate.Config{Addresses: []string{server.Addr()}}), func(d time.Duration) {
			now = now.Add(d)
			server.SetTime(now)
			server.FastForward(d)
		})
	})
	addr, ok := os.Getenv("SIGNET_TEST_REDIS_ADDR"), true
	if addr == "" {
		addr, ok = startRedis(t)
	}
	if !ok {
		return
	}
	t.Run("redis", func(t *testing.T) {
		client := open(t, sharedstate.Config{Addresses: []string{addr}})
		test(t, client, func(d time.Duration) {
			until := redisTime(t, client).Add(d)
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for redisTime(t, client).Before(until) {
				<-tick.C
			}
		})
	})
}

func redisTime(t *testing.T, client redis.UniversalClient) time.Time {
	t.Helper()
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func jti(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()) }
