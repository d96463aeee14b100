package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"signet/signer"
)

// laneKey is what one Vault request can sign with: key_version and algorithm
// are the request's, never an item's (Vault ignores a key_version inside batch_input).
// The kid is part of it because version numbers are re-used after a restore.
type laneKey struct {
	ring    string
	version int
	alg     signer.Algorithm
	kid     string
}

// paceKey is what has a pace. Lanes are forgotten whenever they are idle, and a
// ring's next version is as fast as the one before; rings are configured, so
// these are few.
type paceKey struct {
	ring string
	alg  signer.Algorithm
}

// lane holds the requests that wait for one key version. Its clients take turns,
// so that none waits longer because another one asks for more.
type lane struct {
	key laneKey
	// faults counts replies that were discarded since the last clean one: while
	// it is not 0 every signature is verified.
	faults atomic.Uint64
	pace   *pace
	// answers counts the good replies.
	answers atomic.Uint64

	// Guarded by queue.mu.
	turns turns[*item]
	out   int // runners, each with at most one request to Vault
}

// queue is the one bounded queue behind all lanes.
type queue struct {
	inFlight, batchMax, max, share int

	mu      sync.Mutex
	lanes   map[laneKey]*lane
	paces   map[paceKey]*pace
	waiting int
	clients map[string]int // waiting requests by client
	runners int
	closed  bool
	idle    chan struct{} // closed once closed and no runner is left
}

func newQueue(inFlight, batchMax, limit int) *queue {
	return &queue{
		inFlight: inFlight, batchMax: batchMax, max: limit, share: max(1, limit/4),
		lanes: map[laneKey]*lane{}, paces: map[paceKey]*pace{}, clients: map[string]int{}, idle: make(chan struct{}),
	}
}

// add queues an item, or refuses it at once. start tells the caller to run
// the lane: a request may go out now.
func (q *queue) add(it *item) (l *lane, start bool, err error) {
	key := laneKey{it.req.Key.Ring, it.req.Key.Version, it.req.Key.Algorithm, it.req.Key.KID}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, false, errClosed
	}
	l = q.lanes[key]
	start = l == nil || l.out < q.inFlight
	if !start { // what can be sent at once does not wait, and needs no place
		if q.waiting >= q.max {
			return nil, false, fmt.Errorf("%w: %d requests wait", signer.ErrOverloaded, q.waiting)
		}
		if it.req.Client != "" && q.clients[it.req.Client] >= q.share {
			return nil, false, fmt.Errorf("%w: client %q has its share of %d waiting requests", signer.ErrOverloaded, it.req.Client, q.share)
		}
	}
	if l == nil {
		l = &lane{key: key, pace: q.pace(key)}
		q.lanes[key] = l
	}
	l.turns.push(&it.place, it.req.Client)
	it.since = l.answers.Load()
	q.joined(l, it)
	if start {
		l.out++
		q.runners++
	}
	return l, start, nil
}

func (q *queue) pace(l laneKey) *pace {
	key := paceKey{l.ring, l.alg}
	p := q.paces[key]
	if p == nil {
		p = newPace(l.alg, q.batchMax)
		q.paces[key] = p
	}
	return p
}

// take is the next batch of a lane: of all that wait one of each client in
// turn, up to what its pace allows, without those whose caller has gone. Two
// items of one reference never share a batch, or the echo could not tell them
// apart: the second one begins the next. Empty means that nothing waits, and the
// runner's place is given back.
func (q *queue) take(l *lane, into []*item) []*item {
	var seen map[string]struct{}
	q.mu.Lock()
	defer q.mu.Unlock()
	for size := l.pace.size(); len(into) < size; {
		next := l.turns.peek()
		if next == nil {
			break
		}
		it := next.value
		if it.ctx.Err() != nil {
			it.finish(nil, q.unlink(it))
			continue
		}
		if _, twice := seen[it.reference]; twice {
			break
		}
		if seen == nil && q.waiting > 1 { // a batch of one needs no map
			seen = make(map[string]struct{}, min(q.waiting, q.batchMax))
		}
		if seen != nil {
			seen[it.reference] = struct{}{}
		}
		l.turns.serve(&it.place, it.req.Client)
		q.left(it)
		into = append(into, it)
	}
	if len(into) == 0 {
		q.release(l)
	}
	return into
}

// abandon takes an item out whose caller has gone, so that its place is free
// at once. One that was sent already is not waiting any more. The error is what
// became of it.
func (q *queue) abandon(it *item) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it.lane != nil {
		return q.unlink(it)
	}
	return errGone(it.ctx)
}

// close refuses newcomers; the channel is closed when all work is done.
func (q *queue) close() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		if q.runners == 0 {
			close(q.idle)
		}
	}
	return q.idle
}

func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// release gives a runner's place back, and forgets a lane that is idle: key
// versions come and go. A lane under suspicion is kept.
func (q *queue) release(l *lane) {
	l.out--
	q.runners--
	if l.out == 0 && l.faults.Load() == 0 {
		delete(q.lanes, l.key)
	}
	if q.closed && q.runners == 0 {
		close(q.idle)
	}
}

// putBack has items that were taken wait again, before all others of their
// clients but for no earlier turn. They had a place, so no limit applies. Those
// that were put back before are returned: they have had their second try.
func (q *queue) putBack(l *lane, items []*item) (tried []*item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range slices.Backward(items) {
		switch {
		case it.ctx.Err() != nil: // its caller takes nothing out any more
			it.finish(nil, errGone(it.ctx))
		case it.again:
			tried = append(tried, it)
		default:
			it.again = true
			l.turns.putBack(&it.place, it.req.Client)
			q.joined(l, it)
		}
	}
	return tried
}

// joined accounts for an item that waits from now on.
func (q *queue) joined(l *lane, it *item) {
	it.lane = l
	q.waiting++
	if it.req.Client != "" {
		q.clients[it.req.Client]++
	}
}

// unlink takes a waiting item out whose caller has gone. If its time was up
// while Vault answered others, there is more to do than Vault can, and nothing
// is known against it; if Vault answered nobody, it may as well be down.
func (q *queue) unlink(it *item) error {
	l := it.lane
	l.turns.remove(&it.place, it.req.Client)
	q.left(it)
	if !it.again && l.answers.Load() > it.since && errors.Is(it.ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: it was not this request's turn in time: %w", signer.ErrOverloaded, context.Cause(it.ctx))
	}
	return errGone(it.ctx)
}

// left accounts for an item that waits no more.
func (q *queue) left(it *item) {
	it.lane = nil
	q.waiting--
	if it.req.Client != "" {
		if q.clients[it.req.Client]--; q.clients[it.req.Client] == 0 {
			delete(q.clients, it.req.Client)
		}
	}
}
