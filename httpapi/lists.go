package httpapi

import (
	"sync"
	"time"

	"signet/issuer"
)

// A list in hand has its body, its tokens and its answer in memory: some
// megabytes, until the caller has read the last byte.
const (
	// MaxLists is how many may be in hand at once.
	MaxLists = 12
	// maxListsOfClient is how many of them may be one client's: a quarter, as of
	// the signing queue.
	maxListsOfClient = MaxLists / 4
)

// lists are those in hand. The zero value is ready.
type lists struct {
	mu      sync.Mutex
	all     int
	clients map[string]int
}

// enter returns what must be called when the list is answered; or a refusal, at once.
func (l *lists) enter(client string) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= MaxLists {
		return nil, &refusal{code: issuer.Unavailable, description: "too many lists of tokens are in hand at the moment", retryAfter: time.Second}
	}
	if l.clients[client] >= maxListsOfClient {
		return nil, &refusal{code: issuer.Unavailable, description: "too many lists of tokens of this client are in hand at the moment", retryAfter: time.Second}
	}
	if l.clients == nil {
		l.clients = map[string]int{}
	}
	l.all++
	l.clients[client]++
	return func() { l.leave(client) }, nil
}

func (l *lists) leave(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}
