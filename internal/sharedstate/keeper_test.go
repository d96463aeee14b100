package sharedstate_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/sharedstate"
)

func TestKeeperLease(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, wait func(time.Duration)) {
		client.Del(t.Context(), "signet:keeper") // a Redis that others use too
		const length = 300 * time.Millisecond
		one, two := sharedstate.NewKeeperLease(client, length), sharedstate.NewKeeperLease(client, length)
		want := func(l *sharedstate.KeeperLease, held bool) {
			t.Helper()
			if got, err := l.Hold(t.Context()); err != nil || got != held {
				t.Fatalf("held %v, %v; want %v", got, err, held)
			}
		}
		want(one, true)
		want(two, false)
		ttl := client.PTTL(t.Context(), "signet:keeper").Val()
		if ttl <= 0 || ttl > length {
			t.Fatalf("the lease ends in %v, want at most %v", ttl, length)
		}
		wait(200 * time.Millisecond)
		want(one, true) // extended
		wait(200 * time.Millisecond)
		want(two, false)
		wait(150 * time.Millisecond) // nobody held it any longer
		want(two, true)
		want(one, false)
	})
}

func TestFirstSeen(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		seen := sharedstate.NewFirstSeen(client)
		name := jti(t)
		first := time.UnixMilli(1_800_000_000_123)
		want := func(name string, version int, now, want time.Time) {
			t.Helper()
			if got, err := seen.FirstSeen(t.Context(), name, version, now); err != nil || !got.Equal(want) {
				t.Fatalf("%s %d first seen %v, %v; want %v", name, version, got, err, want)
			}
		}
		want(name, 1, first, first)
		want(name, 1, first.Add(time.Hour), first)
		want(name, 1, first.Add(-time.Hour), first)
		want(name, 2, first.Add(time.Minute), first.Add(time.Minute))
		want(name+":retired", 1, first.Add(time.Second), first.Add(time.Second))
		if ttl := client.PTTL(t.Context(), "signet:seen:"+name+":1").Val(); ttl != -1 {
			t.Errorf("forgotten in %v", ttl)
		}
		client.Set(t.Context(), "signet:seen:"+name+":3", "nonsense", time.Minute)
		if got, err := seen.FirstSeen(t.Context(), name, 3, first); err == nil {
			t.Errorf("nonsense read as %v", got)
		}
	})
}

func TestMaxTTLs(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, client redis.UniversalClient, _ func(time.Duration)) {
		ttls := sharedstate.NewMaxTTLs(client)
		ring := jti(t)
		key := "signet:maxttl:" + ring
		report := func(d time.Duration) {
			t.Helper()
			if err := ttls.Report(t.Context(), ring, d); err != nil {
				t.Fatal(err)
			}
		}
		want := func(want time.Duration) {
			t.Helper()
			if got, err := ttls.Largest(t.Context(), ring); err != nil || got != want {
				t.Fatalf("largest %v, %v; want %v", got, err, want)
			}
		}
		// age makes a report older than it is: no test waits for 12 hours.
		age := func(d, by time.Duration) {
			t.Helper()
			if err := client.ZIncrBy(t.Context(), key, float64(-by.Milliseconds()), strconv.FormatInt(d.Milliseconds(), 10)).Err(); err != nil {
				t.Fatal(err)
			}
		}
		want(0)
		report(time.Hour)
		report(90 * time.Minute)
		report(9 * time.Minute)
		want(90 * time.Minute)
		age(90*time.Minute, 12*time.Hour-time.Minute)
		want(90 * time.Minute)
		report(90 * time.Minute) // it counts from its last report
		age(90*time.Minute, 12*time.Hour-time.Minute)
		age(90*time.Minute, 2*time.Minute)
		want(time.Hour)
		report(time.Nanosecond)
		if err := client.ZScore(t.Context(), key, "1").Err(); err != nil {
			t.Errorf("1ns is not rounded up: %v", err)
		}
		age(time.Hour, 13*time.Hour)
		want(9 * time.Minute)
		beyond := "9223372036854775" // would be no Duration
		client.ZAdd(t.Context(), key, redis.Z{Score: client.ZScore(t.Context(), key, "1").Val(), Member: beyond})
		want(12 * time.Hour)
		client.ZRem(t.Context(), key, beyond)
		if n := client.ZCard(t.Context(), key).Val(); n != 2 {
			t.Errorf("%d reports kept, want those of the window, 2", n)
		}
		if ttl := client.PTTL(t.Context(), key).Val(); (ttl - 12*time.Hour).Abs() > time.Minute {
			t.Errorf("the reports end in %v, want 12h", ttl)
		}
	})
}

func TestKeeperStateOutage(t *testing.T) {
	t.Parallel()
	client := open(t, sharedstate.Config{Addresses: []string{"127.0.0.1:" + redistest.FreePort(t)}})
	_, lease := sharedstate.NewKeeperLease(client, time.Minute).Hold(t.Context())
	_, seen := sharedstate.NewFirstSeen(client).FirstSeen(t.Context(), "x", 1, time.Now())
	_, largest := sharedstate.NewMaxTTLs(client).Largest(t.Context(), "x")
	report := sharedstate.NewMaxTTLs(client).Report(t.Context(), "x", time.Hour)
	for what, err := range map[string]error{"lease": lease, "first seen": seen, "largest": largest, "report": report} {
		if !errors.Is(err, sharedstate.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", what, err)
		}
	}
}
