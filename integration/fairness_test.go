package integration_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"signet/integration"
)

// TestOneClientDoesNotStarveAnother: beside a client with 200 connections on a
// slow ring, one with a single connection waits for a request or two to Vault,
// not for the whole queue, and nobody gets an error.
func TestOneClientDoesNotStarveAnother(t *testing.T) {
	stack := integration.New(t, &integration.Options{Rings: []integration.Ring{{Name: "signet-rs256", Algorithm: "RS256"}}})
	s := stack.Signet(0)
	issue := func(as integration.Client) time.Duration {
		began := time.Now()
		s.PostJSON(t, "/v1/tokens", as, map[string]any{"subject": "user:alice"}).Want(t, http.StatusOK)
		return time.Since(began)
	}
	issue(stack.Other)

	ctx, stop := context.WithCancel(t.Context())
	var greedy sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 200 {
		greedy.Go(func() {
			for ctx.Err() == nil {
				r, err := s.TryPost("/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}})
				if err != nil {
					continue
				}
				mu.Lock()
				statuses[r.Status]++
				mu.Unlock()
			}
		})
	}
	// The crowd is there when it has been answered once each.
	integration.Eventually(t, 30*time.Second, "the crowd is served", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return statuses[http.StatusOK] > 200
	})
	var waits []time.Duration
	for range 15 {
		waits = append(waits, issue(stack.Other))
	}
	stop()
	greedy.Wait()
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median > time.Second {
		t.Errorf("the single connection waits %v (median) beside the crowd, want less than a second: %v", median, waits)
	}
	if len(statuses) != 1 {
		t.Errorf("answers by status: %v, want 200 only", statuses)
	}
	t.Logf("median %v; the crowd got %d tokens", waits[len(waits)/2], statuses[http.StatusOK])
}
