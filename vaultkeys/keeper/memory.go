package keeper

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// memory is FirstSeen for the life of a process.
type memory struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *memory) FirstSeen(_ context.Context, name string, version int, now time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := fmt.Sprintf("%s %d", name, version)
	if m.seen == nil {
		m.seen = map[string]time.Time{}
	}
	if at, ok := m.seen[id]; ok {
		return at, nil
	}
	m.seen[id] = now
	return now, nil
}
