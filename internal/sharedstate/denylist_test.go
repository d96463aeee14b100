package sharedstate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func TestDenylist(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, wait func(time.Duration)) {
		list := sharedstate.NewDenylist(client)
		id := jti(t)
		now := redistest.Now(t, client)
		want := func(denied bool) {
			t.Helper()
			if got, err := list.Denied(t.Context(), id); err != nil || got != denied {
				t.Fatalf("denied %v, %v; want %v", got, err, denied)
			}
		}
		deny := func(until time.Time) {
			t.Helper()
			if err := list.Deny(t.Context(), id, until); err != nil {
				t.Fatal(err)
			}
		}
		ends := func(until time.Time) {
			t.Helper()
			ttl, err := client.PTTL(t.Context(), "signet:jti:"+id).Result()
			if left := until.Sub(redistest.Now(t, client)); err != nil || (ttl-left).Abs() > 100*time.Millisecond {
				t.Fatalf("denied for another %v, %v; want %v", ttl, err, left)
			}
		}
		want(false)
		deny(now.Add(-time.Second)) // a token that is over needs no denial
		want(false)
		deny(now.Add(time.Minute))
		want(true)
		ends(now.Add(time.Minute))
		deny(now.Add(time.Minute))
		deny(now.Add(time.Second)) // never shortened
		ends(now.Add(time.Minute))
		deny(now.Add(time.Hour))
		ends(now.Add(time.Hour))

		if err := client.Set(t.Context(), "signet:jti:"+id, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
		deny(now.Add(time.Minute)) // nor what somebody denied for ever
		if ttl := client.PTTL(t.Context(), "signet:jti:"+id).Val(); ttl != -1 {
			t.Fatalf("a denial for ever now ends in %v", ttl)
		}

		id += "-short"
		deny(redistest.Now(t, client).Add(200 * time.Millisecond))
		want(true)
		wait(250 * time.Millisecond)
		want(false)
	})
}

func TestDenylistOutage(t *testing.T) {
	t.Parallel()
	list := sharedstate.NewDenylist(open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}}))
	if denied, err := list.Denied(t.Context(), "x"); !errors.Is(err, sharedstate.ErrUnavailable) || denied {
		t.Errorf("denied %v, %v; want ErrUnavailable", denied, err)
	}
	if err := list.Deny(t.Context(), "x", time.Now().Add(time.Hour)); !errors.Is(err, sharedstate.ErrUnavailable) {
		t.Errorf("denying: %v, want ErrUnavailable", err)
	}
}
