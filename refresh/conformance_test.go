package refresh_test

import (
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
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
	addr, ok := redistest.Server(t)
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
			redistest.Wait(t, client, d)
		},
	}
}
