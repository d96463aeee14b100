package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"signet/internal/sharedstate"
)

// Open is Signet's own client of a server, closed with the test.
func Open(t testing.TB, c sharedstate.Config) redis.UniversalClient {
	t.Helper()
	client, err := sharedstate.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}
