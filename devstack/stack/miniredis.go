package stack

import (
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Miniredis is an embedded Redis whose keys expire in real time: miniredis
// itself lets time pass only when told.
type Miniredis struct {
	server *miniredis.Miniredis
	done   chan struct{}
	ticker sync.WaitGroup
}

// StartMiniredis listens on addr.
func StartMiniredis(addr string) (*Miniredis, error) {
	m := &Miniredis{server: miniredis.NewMiniRedis(), done: make(chan struct{})}
	if err := m.server.StartAddr(addr); err != nil {
		return nil, err
	}
	m.ticker.Go(m.tick)
	return m, nil
}

// Addr is where it listens.
func (m *Miniredis) Addr() string { return m.server.Addr() }

// Close ends it.
func (m *Miniredis) Close() {
	close(m.done)
	m.ticker.Wait()
	m.server.Close()
}

func (m *Miniredis) tick() {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-m.done:
			return
		case now := <-ticker.C:
			m.server.FastForward(now.Sub(last))
			last = now
		}
	}
}
