package refresh_test

import (
	"sync"

	"signet/refresh"
)

// tally counts security events, by session and kind. The zero value is ready.
type tally struct {
	mu     sync.Mutex
	counts map[string]map[refresh.EventKind]int
}

func (e *tally) note(event refresh.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[string]map[refresh.EventKind]int{}
	}
	for _, sid := range []string{event.SID, ""} {
		if e.counts[sid] == nil {
			e.counts[sid] = map[refresh.EventKind]int{}
		}
		e.counts[sid][event.Kind]++
	}
}

// of counts the events of a session, or of all if sid is empty.
func (e *tally) of(sid string, kind refresh.EventKind) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.counts[sid][kind]
}

func (e *tally) all() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, count := range e.counts[""] {
		n += count
	}
	return n
}
