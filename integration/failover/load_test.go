package failover_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/integration"
)

const (
	callers = 16
	pace    = 50 * time.Millisecond // of each caller; a refused one asks again at the same pace
	grace   = "60s"                 // longer than any failover here: whoever repeats a refresh is within it
)

// load are callers that refresh the whole time, each time through any replica.
type load struct {
	stack    *integration.Stack
	replicas []*integration.Signet
	callers  []*caller

	stopped atomic.Bool
	turns   sync.RWMutex // each turn of a caller is under its read lock
	running sync.WaitGroup
	current atomic.Pointer[kill]
	kills   []*kill
	slowest time.Duration // recovery of a replica
	// What was lost with lagging primaries: rotations of so many sessions, and
	// so many sessions.
	rolledBack, doomed int

	refreshes, doubles, created, refused, unanswered atomic.Int64

	mu       sync.Mutex
	failures []string
}

// caller has a session of its own and, if it is a login service, more and more
// of them.
type caller struct {
	load     *load
	logins   bool
	own      *session
	sessions []*session
}

// startLoad gives each caller a session in one of the parts of Redis, in turn.
func startLoad(t *testing.T, stack *integration.Stack, parts []func(slot int) bool) *load {
	t.Helper()
	l := &load{stack: stack}
	for i := range replicas() {
		l.replicas = append(l.replicas, stack.Signet(i))
	}
	for i := range callers {
		c := &caller{load: l, logins: i%2 == 0}
		l.callers = append(l.callers, c)
		integration.Eventually(t, 30*time.Second, "a session in every part of Redis", func() bool {
			s, err := c.login()
			if err != nil {
				t.Fatal(err)
			}
			if s == nil || !parts[i%len(parts)](s.slot) {
				return false
			}
			c.own, c.sessions = s, []*session{s}
			return true
		})
	}
	for _, c := range l.callers {
		l.running.Go(c.run)
	}
	t.Cleanup(l.stop)
	return l
}

func (l *load) stop() {
	l.stopped.Store(true)
	l.running.Wait()
}

func (l *load) anyReplica() *integration.Signet { return l.replicas[rand.IntN(len(l.replicas))] }

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, time.Now().Format(time.StampMicro)+" "+fmt.Sprintf(format, args...))
}

// recovered returns when every replica answers 200 again for the sessions of
// the primary that was killed.
func (l *load) recovered(t *testing.T, k *kill) {
	t.Helper()
	var since time.Time
	integration.Eventually(t, 90*time.Second, "every replica answers 200 again", func() bool {
		var ok bool
		since, ok = k.over(len(l.replicas))
		return ok
	})
	took := since.Sub(k.writable)
	l.slowest = max(l.slowest, took)
	t.Logf("kill %d: Redis took writes again after %v, and the last replica answered 200 %v later",
		len(l.kills), k.writable.Sub(k.closed).Round(time.Millisecond), took.Round(time.Millisecond))
	if took > soon() {
		t.Errorf("the last replica answered 200 again %v after Redis took writes again, want at most %v", took, soon())
	}
	before := l.refreshes.Load()
	integration.Eventually(t, 60*time.Second, "a stretch of ordinary work", func() bool { return l.refreshes.Load() >= before+200 })
}

func (c *caller) run() {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for turn := 1; !c.load.stopped.Load(); turn++ {
		<-tick.C
		c.turn(turn)
	}
}

func (c *caller) turn(n int) {
	c.load.turns.RLock()
	defer c.load.turns.RUnlock()
	if s := c.sessions[rand.IntN(len(c.sessions))]; !s.lost {
		c.refresh(s, !c.logins && n%8 == 0)
	}
	if !c.logins || n%10 != 0 {
		return
	}
	if s, err := c.login(); err != nil {
		c.load.fail("%v", err)
	} else if s != nil {
		c.load.created.Add(1)
		c.sessions = append(c.sessions, s)
	}
}

// login makes a session; nil if the answer was that it cannot be made now.
func (c *caller) login() (*session, error) {
	began := time.Now()
	// A subject of its own, for its index is in another part of a cluster.
	subject := "user:" + strconv.FormatUint(rand.Uint64(), 36)
	r, err := c.load.anyReplica().TryPostJSON("/v1/tokens", c.load.stack.Demo, map[string]any{"subject": subject, "refresh": true})
	if err != nil {
		c.load.unanswered.Add(1)
		return nil, nil //nolint:nilerr,nilnil // nobody has a token, so nothing can be lost
	}
	switch r.Status {
	case http.StatusOK:
		token, _ := r.JSON["refresh_token"].(string)
		return newSession(token, began, time.Now())
	case http.StatusServiceUnavailable:
		c.load.refused.Add(1)
		return nil, checkRetryAfter(r)
	default:
		return nil, fmt.Errorf("a login was answered %d %s", r.Status, r.Body)
	}
}
