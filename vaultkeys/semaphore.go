package vaultkeys

import (
	"context"
	"fmt"
	"sync"

	"signet/signer"
)

// semaphore bounds how many do something at once and how many wait to. Clients
// take turns, and none may fill more than a quarter of the waiting places; what
// belongs to no client comes first and always finds a place.
type semaphore struct {
	max, share int

	mu      sync.Mutex
	free    int
	waiting int
	turns   turns[*waiter]
}

// waiter is one who waits for a place.
type waiter struct {
	client string
	turn   chan struct{} // closed when it has come
	place  link[*waiter]
}

func newSemaphore(places, limit int) *semaphore {
	return &semaphore{max: limit, share: max(1, limit/4), free: places}
}

// enter returns when leave must be called; or with ErrOverloaded at once, or
// when ctx ends.
func (s *semaphore) enter(ctx context.Context, client string) error {
	s.mu.Lock()
	if s.free > 0 { // then nobody waits
		s.free--
		s.mu.Unlock()
		return nil
	}
	if client != "" && (s.waiting >= s.max || s.turns.waiting(client) >= s.share) {
		defer s.mu.Unlock()
		return fmt.Errorf("%w: %d checks wait, %d of them of client %q", signer.ErrOverloaded, s.waiting, s.turns.waiting(client), client)
	}
	w := &waiter{client: client, turn: make(chan struct{})}
	w.place.value = w
	s.turns.push(&w.place, client)
	s.waiting++
	s.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		s.abandon(w)
		return errGone(ctx)
	}
}

// abandon gives up a waiting place, or the turn that has come at the same moment.
func (s *semaphore) abandon(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-w.turn:
		s.next()
	default:
		s.turns.remove(&w.place, w.client)
		s.waiting--
	}
}

func (s *semaphore) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next()
}

// next passes a place on.
func (s *semaphore) next() {
	first := s.turns.peek()
	if first == nil {
		s.free++
		return
	}
	w := first.value
	s.turns.serve(first, w.client)
	s.waiting--
	close(w.turn)
}
