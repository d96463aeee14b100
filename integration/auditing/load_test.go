package auditing_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"signet/integration"
)

// issued is a token that somebody got.
type issued struct {
	token  string
	grant  string
	family int // of the session; -1 for none
}

// load has callers ask replicas for tokens of all kinds, and remembers what they got.
type load struct {
	stack *integration.Stack
	ring  string

	mu       sync.Mutex
	tokens   []issued
	failed   int
	family   int
	versions map[string]int // of kids
}

// run asks with so many callers until enough says so.
func (l *load) run(t *testing.T, callers int, enough func(tokens int) bool) {
	t.Helper()
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			session := caller{load: l, n: c}
			for !enough(l.count()) {
				session.step()
			}
		})
	}
	group.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tokens)
}

func (l *load) all() []issued {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]issued(nil), l.tokens...)
}

func (l *load) got(token, grant string, family int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens = append(l.tokens, issued{token, grant, family})
}

// caller has at most one session at a time.
type caller struct {
	load    *load
	n       int
	refresh string
	family  int
	left    int // refreshes of it
}

func (c *caller) step() {
	replica := c.load.stack.Signet(rand.IntN(c.load.stack.Replicas()))
	as := c.load.stack.Demo
	var reply integration.Reply
	var err error
	grant, family := "client_credentials", -1
	switch {
	case c.refresh != "" && c.left > 0:
		grant, family = "refresh_token", c.family
		reply, err = replica.TryPost("/oauth2/token", as, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.refresh}})
		c.left--
	case rand.IntN(3) == 0:
		c.load.mu.Lock()
		c.load.family++
		grant, family = "issue", c.load.family
		c.load.mu.Unlock()
		reply, err = replica.TryPostJSON("/v1/tokens", as, map[string]any{"subject": fmt.Sprint("user:", c.n), "refresh": true})
		c.family, c.left = family, 3
	default:
		reply, err = replica.TryPost("/oauth2/token", as, url.Values{"grant_type": {"client_credentials"}})
	}
	if err != nil || reply.Status != http.StatusOK {
		c.load.mu.Lock()
		c.load.failed++
		c.load.mu.Unlock()
		return
	}
	access, _ := reply.JSON["access_token"].(string)
	if next, ok := reply.JSON["refresh_token"].(string); ok {
		c.refresh = next
	}
	c.load.got(access, grant, family)
}
