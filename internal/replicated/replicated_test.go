package replicated_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/replicated"
)

// write answers what was there before; it writes also what is there already.
var write = redis.NewScript(`local before = redis.call('GET', KEYS[1]) or ''
redis.call('SET', KEYS[1], ARGV[1])
return before`)

// place is a Redis with one replica for each primary.
type place struct {
	// open gives a client that knows nothing yet.
	open func() redis.UniversalClient
	// primary and replica have the key.
	primary, replica func(key string) *redis.Client
	// halt stops every replica, resume lets them go on.
	halt, resume func()
}

// TestConformance: "done" means the same on every kind of Redis.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) (place, bool){
		"a primary and its replica": pair, "Sentinel": sentinel, "Cluster": cluster,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, ok := start(t)
			if !ok {
				return // a strict run has failed
			}
			for name, test := range map[string]func(*testing.T, place){
				"confirmed":     confirmed,
				"unconfirmed":   unconfirmed,
				"no replica":    asked,
				"script errors": scriptErrors,
				"given up":      givenUp,
			} {
				t.Run(name, func(t *testing.T) { test(t, p) })
			}
		})
	}
}

func confirmed(t *testing.T, p place) {
	w := replicated.New(replicated.Config{Redis: p.open(), Replicas: 1})
	for i := range 5 {
		key := fmt.Sprint("confirmed-", i)
		for _, value := range []string{"1", "2"} {
			run(t, w, key, value)
			if got := p.replica(key).Get(t.Context(), key).Val(); got != value {
				t.Errorf("the replica has %q of %s, want %q", got, key, value)
			}
		}
		flush(t, p.primary(key)) // a restart and a failover do so too
	}
}

// unconfirmed: the trap is that a fresh connection, which has written nothing,
// is told that every replica has all of it.
func unconfirmed(t *testing.T, p place) {
	const key = "unconfirmed"
	run(t, replicated.New(replicated.Config{Redis: p.open(), Replicas: 1}), key, "before")
	p.halt()
	defer p.resume()
	shared := replicated.New(replicated.Config{Redis: p.open(), Replicas: 1})
	for i := range 6 {
		w := shared
		if i%2 == 1 {
			w = replicated.New(replicated.Config{Redis: p.open(), Replicas: 1})
			flush(t, p.primary(key))
		}
		unreplicated(t, w, key)
	}
	if got := p.primary(key).Get(t.Context(), key).Val(); got != "after" {
		t.Errorf("the primary has %q", got)
	}
	p.resume()
	run(t, shared, key, "after")
	if got := p.replica(key).Get(t.Context(), key).Val(); got != "after" {
		t.Errorf("repeated and confirmed, and the replica has %q", got)
	}
}

// unreplicated wants the verdict. On a busy machine the answer may come later
// than the client waits for it, which is an error too.
func unreplicated(t *testing.T, w *replicated.Writer, key string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := w.Run(t.Context(), write, []string{key}, "after").Err()
		switch {
		case err == nil:
			t.Fatal("confirmed without a replica")
		case errors.Is(err, replicated.ErrNotReplicated):
			return
		case time.Now().After(deadline):
			t.Fatalf("%v, want ErrNotReplicated", err)
		}
	}
}

// asked: whoever waits for none needs none.
func asked(t *testing.T, p place) {
	p.halt()
	defer p.resume()
	w := replicated.New(replicated.Config{Redis: p.open()})
	run(t, w, "asked", "1")
	flush(t, p.primary("asked"))
	if before := run(t, w, "asked", "2"); before != "1" {
		t.Errorf("before it was %q", before)
	}
}

// scriptErrors: what the script says comes through, and no replica is blamed.
func scriptErrors(t *testing.T, p place) {
	const key = "list"
	if err := p.primary(key).RPush(t.Context(), key, "x").Err(); err != nil {
		t.Fatal(err)
	}
	for replicas := range 2 {
		w := replicated.New(replicated.Config{Redis: p.open(), Replicas: replicas})
		err := w.Run(t.Context(), write, []string{key}, "1").Err()
		if err == nil || errors.Is(err, replicated.ErrNotReplicated) || !strings.Contains(err.Error(), "WRONGTYPE") {
			t.Errorf("%d replicas: %v, want WRONGTYPE", replicas, err)
		}
	}
}

// givenUp: a caller who is gone writes nothing.
func givenUp(t *testing.T, p place) {
	const key = "given-up"
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w := replicated.New(replicated.Config{Redis: p.open(), Replicas: 1})
	if err := w.Run(gone, write, []string{key}, "1").Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if n := p.primary(key).Exists(t.Context(), key).Val(); n != 0 {
		t.Error("it was written")
	}
}

// run writes and gives what was there before. A machine that is busy may need
// more than the client's patience.
func run(t *testing.T, w *replicated.Writer, key, value string) (before string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		before, err := w.Run(t.Context(), write, []string{key}, value).Text()
		if err == nil {
			return before
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func flush(t *testing.T, c *redis.Client) {
	t.Helper()
	if err := c.ScriptFlush(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}
