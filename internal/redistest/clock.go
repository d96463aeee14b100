package redistest

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Now is the server's clock.
func Now(t testing.TB, client redis.UniversalClient) time.Time {
	t.Helper()
	now, err := client.Time(t.Context()).Result()
	if err != nil {
		t.Fatalf("asking redis for the time: %v", err)
	}
	return now
}

// Wait returns when the server's clock has gone on by d.
func Wait(t testing.TB, client redis.UniversalClient, d time.Duration) {
	t.Helper()
	until := Now(t, client).Add(d)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for Now(t, client).Before(until) {
		<-tick.C
	}
}
