package sharedstate_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func TestDenylist(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, wait func(time.Duration)) {
		list := sharedstate.NewDenylist(client, 0, nil)
		id := jti(t)
		want := func(denied bool) {
			t.Helper()
			if got, err := list.Denied(t.Context(), id); err != nil || got != denied {
				t.Fatalf("denied %v, %v; want %v", got, err, denied)
			}
		}
		deny := func(life time.Duration) {
			t.Helper()
			if err := list.Deny(t.Context(), id, life); err != nil {
				t.Fatal(err)
			}
		}
		ends := func(life time.Duration) {
			t.Helper()
			ttl, err := client.PTTL(t.Context(), "signet:jti:"+id).Result()
			if err != nil || ttl > life || ttl < life-20*time.Second {
				t.Fatalf("denied for another %v, %v; want %v", ttl, err, life)
			}
		}
		want(false)
		deny(-time.Second) // a token that is over needs no denial
		deny(0)
		want(false)
		deny(time.Minute)
		want(true)
		ends(time.Minute)
		deny(time.Minute)
		deny(time.Second) // never shortened
		ends(time.Minute)
		deny(time.Hour)
		ends(time.Hour)

		if err := client.Set(t.Context(), "signet:jti:"+id, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
		deny(time.Minute) // nor what somebody denied for ever
		if ttl := client.PTTL(t.Context(), "signet:jti:"+id).Val(); ttl != -1 {
			t.Fatalf("a denial for ever now ends in %v", ttl)
		}

		id += "-short"
		deny(200 * time.Millisecond)
		want(true)
		wait(250 * time.Millisecond)
		want(false)

		id += "-shortest"
		deny(1) // what is left is never nothing
		if ttl := client.PTTL(t.Context(), "signet:jti:"+id).Val(); ttl != -2 && ttl > time.Millisecond {
			t.Fatalf("denied for another %v, want 1ms or less", ttl)
		}
	})
}

// TestDenylistClocks: a Redis whose clock is far from everybody else's denies
// for just as long.
func TestDenylistClocks(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 1000 * time.Hour, "behind": -1000 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := miniredis.RunT(t)
			server.SetTime(time.Now().Add(off))
			list := sharedstate.NewDenylist(open(t, sharedstate.Config{Addresses: []string{server.Addr()}}), 0, nil)
			if err := list.Deny(t.Context(), "x", 5*time.Minute); err != nil {
				t.Fatal(err)
			}
			if denied, err := list.Denied(t.Context(), "x"); err != nil || !denied {
				t.Fatalf("confirmed and forgotten: %v, %v", denied, err)
			}
			if left := server.TTL("signet:jti:x"); left != 5*time.Minute {
				t.Errorf("denied for %v, want 5m", left)
			}
		})
	}
}

func TestDenylistOutage(t *testing.T) {
	t.Parallel()
	list := sharedstate.NewDenylist(open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}}), 0, nil)
	if denied, err := list.Denied(t.Context(), "x"); !errors.Is(err, sharedstate.ErrUnavailable) || denied {
		t.Errorf("denied %v, %v; want ErrUnavailable", denied, err)
	}
	if err := list.Deny(t.Context(), "x", time.Hour); !errors.Is(err, sharedstate.ErrUnavailable) {
		t.Errorf("denying: %v, want ErrUnavailable", err)
	}
}

// TestDenylistUnanswered: what was not asked, or not answered in time, is unknown
// and never a no.
func TestDenylistUnanswered(t *testing.T) {
	t.Parallel()
	server, ok := redistest.StartProcess(t)
	if !ok {
		return
	}
	list := sharedstate.NewDenylist(open(t, sharedstate.Config{Addresses: []string{server.Addr}}), 0, nil)
	if denied, err := list.Denied(t.Context(), "jti"); err != nil || denied {
		t.Fatalf("denied %v, %v", denied, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if denied, err := list.Denied(gone, "jti"); !errors.Is(err, sharedstate.ErrUnavailable) {
		t.Errorf("of a caller who is gone: denied %v, %v, want ErrUnavailable", denied, err)
	}
	server.Halt(t)
	var askers sync.WaitGroup
	for range 20 { // more than have a round trip of their own
		askers.Go(func() {
			if denied, err := list.Denied(t.Context(), "jti"); !errors.Is(err, sharedstate.ErrUnavailable) {
				t.Errorf("of a silent server: denied %v, %v, want ErrUnavailable", denied, err)
			}
		})
	}
	askers.Wait()
}
