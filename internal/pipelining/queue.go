package pipelining

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// batchMax is how many commands share a round trip. More would save little, and
	// Redis serves nobody else meanwhile.
	batchMax = 128
	// inFlight is how many round trips of a Client are on their way. The second keeps
	// Redis busy while the answers of the first are read, and goes on if a connection
	// hangs; more only makes them smaller.
	inFlight = 2
	// If nothing was sent for a stall while somebody waits, another round trip begins,
	// up to so many: a connection that is dead without a word holds its own until a
	// deadline.
	stall           = 50 * time.Millisecond
	inFlightStalled = 8
)

// call is what one caller wants to know.
type call struct {
	ctx  context.Context //nolint:containedctx // it waits in a queue, and is one function's argument
	cmds []redis.Cmder
	sent bool          // guarded by Client.mu
	done chan struct{} // closed when every command has its answer or error
}

func (c *Client) enqueue(own *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.waiting, own)
	if c.runners < inFlight {
		c.start()
	} else {
		c.startIfStalled()
	}
}

// help is for those who came while a round trip was not stalled yet.
func (c *Client) help() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) > 0 {
		c.startIfStalled()
	}
}

func (c *Client) startIfStalled() {
	if c.runners < inFlightStalled && time.Since(c.sent) >= stall {
		c.start()
	}
}

func (c *Client) start() {
	c.runners++
	c.sent = time.Now() // as good as sent: one more is enough for now
	go c.run()
}

// run makes one round trip after the other until nothing waits.
func (c *Client) run() {
	for {
		// Whoever is about to ask may do so first: under load that fills the round
		// trip, and on an idle machine nobody else is runnable.
		runtime.Gosched()
		calls := c.take()
		if len(calls) == 0 {
			return
		}
		c.send(calls)
	}
}

// take gives what goes next, those first who came first; if nothing waits, the
// runner ends. Nothing is sent for those who have left.
func (c *Client) take() (calls []*call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, total := 0, 0
	for ; n < len(c.waiting) && (total == 0 || total+len(c.waiting[n].cmds) <= batchMax); n++ {
		if next := c.waiting[n]; next.ctx.Err() == nil {
			calls, total = append(calls, next), total+len(next.cmds)
			next.sent = true
		}
	}
	c.waiting = slices.Delete(c.waiting, 0, n)
	if len(calls) == 0 {
		c.runners--
	} else {
		c.sent = time.Now()
	}
	return calls
}
