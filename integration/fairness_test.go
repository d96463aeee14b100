package integration_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/integration"
)

// crowd asks on many connections: on each again as soon as it has its answer.
type crowd struct {
	stop func()

	mu       sync.Mutex
	statuses map[int]int
	waits    []time.Duration
}

// newCrowd has ask, which gives the status, asked on so many connections.
func newCrowd(t *testing.T, connections int, ask func() int) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &crowd{statuses: map[int]int{}}
	var members sync.WaitGroup
	for range connections {
		members.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				status := ask()
				c.mu.Lock()
				c.statuses[status]++
				c.waits = append(c.waits, time.Since(began))
				c.mu.Unlock()
			}
		})
	}
	c.stop = sync.OnceFunc(func() { cancel(); members.Wait() })
	t.Cleanup(c.stop)
	return c
}

func (c *crowd) served() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.statuses[http.StatusOK]
}

// forget begins the waits anew.
func (c *crowd) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = nil
}

func (c *crowd) median() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return median(c.waits)
}

func median(waits []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(waits))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// slowRing is a stack whose signatures take long, and the time that another client
// than the demo's waits for one.
func slowRing(t *testing.T) (stack *integration.Stack, issue func() time.Duration) {
	t.Helper()
	stack = integration.New(t, &integration.Options{
		Rings: []integration.Ring{{Name: "signet-rs256", Algorithm: "RS256", RSABits: 4096}},
	})
	issue = func() time.Duration {
		began := time.Now()
		stack.Signet(0).PostJSON(t, "/v1/tokens", stack.Other, map[string]any{"subject": "user:alice"}).Want(t, http.StatusOK)
		return time.Since(began)
	}
	issue()
	return stack, issue
}

// TestOneClientDoesNotStarveAnother: beside a client with 500 connections on a
// slow ring, one with a single connection waits for a request or two to Vault.
// Each of the crowd waits for its place among 500: were there one line for all,
// the one would wait as long as they do. Only the crowd may be turned away, and
// the canary does not take it for an outage.
func TestOneClientDoesNotStarveAnother(t *testing.T) {
	const connections = 500 // within its share of the queue, and served within the deadline by a slow machine too
	stack, issue := slowRing(t)
	s := stack.Signet(0)
	greedy := newCrowd(t, connections, func() int {
		r, err := s.TryPost("/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}})
		if err != nil {
			return 0
		}
		return r.Status
	})
	integration.Eventually(t, 60*time.Second, "the crowd is served twice", func() bool { return greedy.served() > 2*connections })
	greedy.forget()
	var waits []time.Duration
	for range 15 {
		waits = append(waits, issue())
	}
	own, others := median(waits), greedy.median()
	greedy.stop()
	t.Logf("the single connection waited %v, each of the crowd %v (medians); the crowd got %d tokens", own, others, greedy.served())
	if own > others*6/10 {
		t.Errorf("the single connection waited %v (median), the crowd's %v: it stands in the crowd's line", own, others)
	}
	for status := range greedy.statuses {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("the crowd's answers by status: %v, want 200, and 503 when it asks too much", greedy.statuses)
		}
	}
	if strings.Contains(s.Log(), "canary failed") {
		t.Error("a crowd is no outage, but a canary failed")
	}
}
