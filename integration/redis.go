package integration

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// Redis is a running Redis server and a client of it for the test's own eyes.
type Redis struct {
	Addr   string // 127.0.0.1:PORT
	Client *redis.Client
	// Real is false on miniredis, which knows no MEMORY USAGE.
	Real bool
}

// NewRedis starts a Redis of its own for this test, empty.
func NewRedis(t testing.TB) *Redis {
	t.Helper()
	r := &Redis{Real: true}
	switch Current(t) {
	case External:
		r.Addr = os.Getenv("SIGNET_TEST_REDIS_ADDR")
		if r.Addr == "" {
			t.Fatal("SIGNET_TEST_VAULT_ADDR is set: set SIGNET_TEST_REDIS_ADDR too")
		}
	case Docker:
		r.Addr = redisContainer(t)
	case Process:
		r.Addr, r.Real = redisProcess(t)
	}
	r.Client = redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = r.Client.Close() })
	Eventually(t, 20*time.Second, "redis answers", func() bool { return r.Client.Ping(t.Context()).Err() == nil })
	return r
}

func redisProcess(t testing.TB) (addr string, isReal bool) {
	t.Helper()
	addr = FreeAddr(t)
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if Strict() {
			t.Fatal("SIGNET_TEST_STRICT=1 demands a real Redis: install redis-server")
		}
		start(t, "miniredis", os.Environ(), devstackBinary(t), "redis", "-addr", addr)
		return addr, false
	}
	_, port := splitAddr(t, addr)
	start(t, "redis-server", os.Environ(), path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(),
		"--maxmemory-policy", "noeviction", "--appendonly", "no")
	return addr, true
}

func redisContainer(t testing.TB) string {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), redisImage(),
		testcontainers.WithExposedPorts("6379/tcp"),
		testcontainers.WithCmd("redis-server", "--save", "", "--maxmemory-policy", "noeviction", "--protected-mode", "no"),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections").WithStartupTimeout(time.Minute)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatalf("starting the Redis container from %s: %v", redisImage(), err)
	}
	addr, err := c.PortEndpoint(t.Context(), "6379/tcp", "")
	if err != nil {
		t.Fatalf("finding the Redis container's port: %v", err)
	}
	return addr
}
