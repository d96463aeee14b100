package failover_test

import (
	"os"
	"sync"
	"testing"
	"time"
)

// soak is for the long run: `make soak`.
func soak() bool { return os.Getenv("SIGNET_SOAK") != "" }

func kills(usually int) int {
	if soak() {
		return 10
	}
	return usually
}

// soon is how fast every replica is to answer 200 again once Redis takes
// writes: on a machine of its own, or on whichever one runs this.
func soon() time.Duration {
	if soak() {
		return 2 * time.Second
	}
	return 10 * time.Second
}

// replicas of Signet.
func replicas() int {
	if soak() {
		return 3
	}
	return 2
}

func everySlot(int) bool { return true }

// beside lets the tests of this package run together, for it is mostly waiting
// that they do. A soak measures, and wants the machine for itself.
func beside(t *testing.T) {
	t.Helper()
	if !soak() {
		t.Parallel()
	}
}

// kill is the end of one primary, and what the replicas of Signet made of it.
type kill struct {
	// What was stored between these two may be lost: see the package comment.
	opened, closed time.Time
	writable       time.Time           // the new primary has answered a write
	affects        func(slot int) bool // whose sessions
	marker         string              // a key of the primary's
	restart        func()

	mu     sync.Mutex
	streak map[int][]time.Time // by replica: when its last answers came, all of them 200
}

// gone says that the process has ended.
func (k *kill) gone() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = time.Now()
}

// enough is a streak long enough to have used more than one connection.
const enough = 10

// saw takes note of an answer about a session of the killed primary's.
func (k *kill) saw(replica, slot int, began time.Time, ok bool) {
	if !k.affects(slot) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.closed.IsZero() || began.Before(k.closed): // may have been served by the dead
	case !ok:
		delete(k.streak, replica)
	case len(k.streak[replica]) < enough:
		if k.streak == nil {
			k.streak = map[int][]time.Time{}
		}
		k.streak[replica] = append(k.streak[replica], time.Now())
	}
}

// over returns when the last of so many replicas began to answer 200 again, and
// nothing else.
func (k *kill) over(replicas int) (since time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range replicas {
		if len(k.streak[i]) < enough {
			return time.Time{}, false
		}
		if first := k.streak[i][0]; first.After(since) {
			since = first
		}
	}
	return since, true
}

// mayHaveTaken reports whether the session may be lost with the primary.
func (k *kill) mayHaveTaken(s *session) bool {
	return k.affects(s.slot) && s.began.Before(k.closed) && s.stored.After(k.opened)
}
