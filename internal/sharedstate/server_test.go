package sharedstate_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
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
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	t.Run("redis", func(t *testing.T) {
		client := open(t, sharedstate.Config{Addresses: []string{addr}})
		test(t, client, func(d time.Duration) { redistest.Wait(t, client, d) })
	})
}

func jti(t *testing.T) string { return fmt.Sprintf("%s-%d", t.Name(), time.Now().UnixNano()) }
