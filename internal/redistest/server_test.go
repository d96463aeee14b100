package redistest_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
)

func TestServer(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = client.Close() })
	before := redistest.Now(t, client)
	redistest.Wait(t, client, 20*time.Millisecond)
	if after := redistest.Now(t, client); after.Sub(before) < 20*time.Millisecond {
		t.Errorf("waited from %v to %v", before, after)
	}
}

// TestStrict: whoever asks for strictness with any word gets it.
func TestStrict(t *testing.T) {
	t.Setenv("SIGNET_TEST_REDIS_ADDR", "")
	t.Setenv("PATH", t.TempDir())
	t.Setenv("SIGNET_TEST_STRICT", "")
	if _, ok := redistest.Server(t); ok {
		t.Error("a server on a machine without one")
	}
	for _, word := range []string{"1", "true", "0"} {
		t.Setenv("SIGNET_TEST_STRICT", word)
		inner := &fatal{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			redistest.Server(inner)
		}()
		<-done
		if !inner.failed {
			t.Errorf("SIGNET_TEST_STRICT=%s let the test go without a server", word)
		}
	}
}

// fatal takes the failure of a test for itself.
type fatal struct {
	testing.TB

	failed bool
}

func (f *fatal) Fatal(...any) {
	f.failed = true
	runtime.Goexit()
}
