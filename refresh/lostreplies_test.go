package refresh_test

import (
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/internal/redistest"
	"signet/refresh"
	"signet/refresh/refreshtest"
)

// TestLostReplies: one in ten answers of Redis gets lost on the way after Redis
// has done what was asked. A client that presents the same token again loses
// nothing: each token has one successor, and nothing looks like a theft.
func TestLostReplies(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	const sessions = 25
	for name, replicas := range map[string]int{"one replica": 1, "two replicas at once": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := atLength(1500, 10_000)
			w := &weather{t: t, addr: addr, keys: refreshtest.NewKeys()}
			var all sync.WaitGroup
			seed := rand.Uint64()
			for i := range sessions {
				c := w.open(replicas, seed+uint64(i))
				all.Go(func() { c.live(total / sessions) })
			}
			all.Wait()
			if w.lost() == 0 || w.unanswered.Load() == 0 {
				t.Errorf("%d answers were lost, %d calls unanswered: nothing was tried", w.lost(), w.unanswered.Load())
			}
			for _, kind := range []refresh.EventKind{refresh.EventReuse, refresh.EventRolledBack, refresh.EventRollForward, refresh.EventTampered} {
				if n := w.events.of("", kind); n != 0 {
					t.Errorf("%d events of kind %s", n, kind)
				}
			}
			t.Logf("seed %d: %d refreshes, %d answers of Redis lost, %d times presented again after ErrUnavailable, %d in the grace",
				seed, w.refreshes.Load(), w.lost(), w.unanswered.Load(), w.events.of("", refresh.EventGrace))
		})
	}
}

// weather is a network in which answers get lost, and what came of it.
type weather struct {
	t      *testing.T
	addr   string
	keys   *refreshtest.Keys
	links  []*lossyLink
	events tally

	refreshes, unanswered atomic.Int64
}

func (w *weather) lost() (n int64) {
	for _, l := range w.links {
		n += l.lost.Load()
	}
	return n
}

// client is a session with its replicas, each behind a link of its own.
type client struct {
	w      *weather
	clear  *refresh.Store // a good connection
	stores []*refresh.Store
}

func (w *weather) open(replicas int, seed uint64) *client {
	c := &client{w: w, clear: w.store(w.addr)}
	for i := range replicas {
		// Of two that present one token at once, one needs the grace. So that
		// there are never three in a row, nobody may need it for another reason.
		l := newLossyLink(w.t, w.addr, seed+uint64(i)<<32, replicas > 1)
		w.links = append(w.links, l)
		c.stores = append(c.stores, w.store(l.addr))
	}
	return c
}

func (w *weather) store(addr string) *refresh.Store {
	return refresh.New(refresh.Config{
		Redis: dial(w.t, addr), Keys: w.keys, Grace: time.Hour, Timeout: 2 * time.Second,
		Events: w.events.note, Logger: slog.New(slog.DiscardHandler),
	})
}

// live refreshes a session n times. Two generations of three are presented by
// every replica at once, the third by one of them.
func (c *client) live(n int) {
	token, session, err := createFor(c.w.t.Context(), c.clear, "user:"+cryptorand.Text())
	if err != nil {
		c.w.t.Errorf("creating a session: %v", err)
		return
	}
	for i := range n {
		stores := c.stores
		if i%3 == 2 {
			stores = c.stores[i%len(c.stores):][:1]
		}
		next, err := c.successor(stores, token, session.Generation+uint32(i+1))
		if err != nil {
			c.w.t.Errorf("refresh %d of %s: %v", i+1, session.SID, err)
			return
		}
		c.w.refreshes.Add(1)
		token = next
	}
	if _, err := refreshOnce(c.w.t, c.clear, token); err != nil {
		c.w.t.Errorf("afterwards session %s is lost: %v", session.SID, err)
	}
}

// successor presents a token to each of the stores at once. They must agree.
func (c *client) successor(stores []*refresh.Store, token string, generation uint32) (string, error) {
	answers, errs := make([]string, len(stores)), make([]error, len(stores))
	var all sync.WaitGroup
	for i, store := range stores {
		all.Go(func() { answers[i], errs[i] = c.insist(store, token) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	for _, answer := range answers {
		if answer != answers[0] || generationOf(answer) != generation {
			return "", fmt.Errorf("answers of generations %d and %d, want one token of %d", generationOf(answers[0]), generationOf(answer), generation)
		}
	}
	return answers[0], nil
}

// insist presents a token again as long as the answer is that nothing is known.
func (c *client) insist(store *refresh.Store, token string) (string, error) {
	for range 20 {
		next, err := refreshOnce(c.w.t, store, token)
		if !errors.Is(err, refresh.ErrUnavailable) {
			return next, err
		}
		c.w.unanswered.Add(1)
	}
	return "", errors.New("unavailable twenty times in a row")
}
