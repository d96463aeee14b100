package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

const (
	crowd             = 1000       // sessions of a subject that has many
	aClient           = "webshop1" // the client that has nearly all sessions
	otherClient       = "backend1"
	progressEvery     = 2 * time.Second
	mostSessionBytes  = 600 // the target
	mostSessionGrowth = 16  // by refreshes: one size class of the allocator
	loginsAtOnce      = 16
	mostSampled       = 1000
)

// sessionBench measures what sessions cost in Redis, and how long they take to
// list and to end when there are many. It needs no Vault.
type sessionBench struct {
	redis    *redis.Client
	store    *refresh.Store // patient: what takes long is measured
	served   *refresh.Store // with the time limits of `signet serve`
	n        int            // sessions of one client
	most     int            // refreshes of one session
	crowds   int            // subjects with many of them; all others have one
	progress io.Writer

	tokens  []string // of the sample, newest
	sids    []string // of the sample
	figures []figure
}

// sessionConfig says how much to measure.
type sessionConfig struct {
	// Redis is host:port of an empty one; empty starts one.
	Redis string
	// Sessions of one client.
	Sessions int
	// Refreshes of one session.
	Refreshes int
}

func benchSessions(ctx context.Context, c sessionConfig, progress io.Writer) ([]figure, error) {
	b, stop, err := newSessionBench(ctx, c, progress)
	if err != nil {
		return nil, err
	}
	defer stop()
	for _, step := range []func(context.Context) error{b.load, b.footprints, b.lists, b.refreshes, b.logouts, b.ends} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return b.figures, nil
}

// newSessionBench has an empty Redis, until stop.
func newSessionBench(ctx context.Context, c sessionConfig, progress io.Writer) (_ *sessionBench, _ func(), err error) {
	var stops []func()
	stop := func() {
		for _, f := range slices.Backward(stops) {
			f()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	addr, n := c.Redis, c.Sessions
	if addr == "" {
		own, end, err := startRedis(ctx)
		if err != nil {
			return nil, nil, err
		}
		stops = append(stops, end)
		addr = own
	}
	client := patient(addr)
	stops = append(stops, func() { _ = client.Close() })
	switch keys, err := client.DBSize(ctx).Result(); {
	case err != nil:
		return nil, nil, fmt.Errorf("asking the Redis at %s whether it is empty: %w", addr, err)
	case keys > 0:
		return nil, nil, fmt.Errorf("the Redis at %s must be empty, for all of it is counted: it has %d keys", addr, keys)
	}
	serving, err := asServed(addr)
	if err != nil {
		return nil, nil, err
	}
	stops = append(stops, func() { _ = serving.Close() })
	return &sessionBench{
		redis: client, n: n, most: c.Refreshes, crowds: min(10, n/(2*crowd)), progress: progress,
		store:  newStore(client, patience),
		served: newStore(serving, 0),
	}, stop, nil
}

func newStore(client redis.UniversalClient, timeout time.Duration) *refresh.Store {
	return refresh.New(refresh.Config{
		Redis: client, Keys: oneKey{}, Grace: 30 * time.Second, Timeout: timeout, Logger: slog.New(slog.DiscardHandler),
	})
}

// oneKey stands for Vault's: sessions cost the same under any.
type oneKey struct{}

func (oneKey) Current() (int, []byte, error) { return 1, make([]byte, 32), nil }

func (oneKey) Secret(_ context.Context, version int) ([]byte, bool, error) {
	return make([]byte, 32), version == 1, nil
}

// login is a typical one: a subject of 21 characters, a client of 8, one
// audience of 30, a scope of 30, a label of 20.
func (b *sessionBench) login(ctx context.Context, client, subject string) (token string, session refresh.Session, err error) {
	family, err := refresh.NewFamily(rand.Reader)
	if err != nil {
		return "", refresh.Session{}, err
	}
	return b.store.Create(ctx, family, refresh.Session{
		ClientID: client, Subject: subject, Scope: "openid profile mail orders:rea",
		Audience: []string{"https://api.example.com/orders"}, Label: "Firefox 131 on Linux", AuthTime: time.Now(),
	})
}

func (b *sessionBench) refresh(ctx context.Context, token, client string) (string, error) {
	a, err := b.store.Check(ctx, token, client, "")
	if err != nil {
		return "", err
	}
	token, _, err = b.store.Commit(ctx, a)
	return token, err
}

// load logs in, by the store itself: nothing here knows what it writes.
func (b *sessionBench) load(ctx context.Context) error {
	before, err := redisMemory(ctx, b.redis, "used_memory")
	if err != nil {
		return err
	}
	began := time.Now()
	b.tokens, b.sids = make([]string, b.samples()), make([]string, b.samples())
	var next, done atomic.Int64
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range loginsAtOnce {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				token, session, err := b.login(ctx, aClient, b.subject(i))
				if err != nil {
					cancel(fmt.Errorf("logging in: %w", err))
				}
				if k := i - b.first(); k >= 0 && k < b.samples() {
					b.tokens[k], b.sids[k] = token, session.SID
				}
				done.Add(1)
			}
		})
	}
	b.while(workers.Wait, func() string { return fmt.Sprintf("%d of %d sessions stored", done.Load(), b.n) })
	if err := context.Cause(ctx); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := redisMemory(ctx, b.redis, "used_memory")
	if err != nil {
		return err
	}
	resident, err := redisMemory(ctx, b.redis, "used_memory_rss")
	if err != nil {
		return err
	}
	all := size(fmt.Sprintf("all memory of Redis, over its %d sessions", b.n), (after-before)/float64(b.n))
	all.Note = fmt.Sprintf("used_memory %.0f MB to %.0f MB (expiry and tables of keys included), resident %.0f MB", before/1e6, after/1e6, resident/1e6)
	rate := times(fmt.Sprintf("login (Create), %d at a time", loginsAtOnce), []time.Duration{took / time.Duration(b.n) * loginsAtOnce})
	rate.Tries, rate.Note = b.n, fmt.Sprintf("%.0f a second; the mean", float64(b.n)/took.Seconds())
	b.figures = append(b.figures, all, rate)
	return nil
}

// subject of the i-th login: first the crowds, in turn, then one each.
func (b *sessionBench) subject(i int) string {
	if i < b.first() {
		return fmt.Sprintf("user:crowd%011d", i%b.crowds)
	}
	return fmt.Sprintf("user:%016d", i)
}

func (b *sessionBench) first() int { return b.crowds * crowd }

// samples is how many subjects with one session are asked about.
func (b *sessionBench) samples() int { return min(mostSampled, b.n-b.first()) }

func (b *sessionBench) single(k int) string { return b.subject(b.first() + k) }

// while runs something, with a line of progress now and then.
func (b *sessionBench) while(run func(), says func() string) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		run()
	}()
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			_, _ = fmt.Fprintln(b.progress, says())
		}
	}
}

// memory is MEMORY USAGE of a key, every element counted.
func (b *sessionBench) memory(ctx context.Context, key string) (float64, error) {
	n, err := b.redis.MemoryUsage(ctx, key, 0).Result()
	if err != nil {
		return 0, fmt.Errorf("asking for the memory of %s: %w", key, err)
	}
	return float64(n), nil
}

// share is what one entry of an index costs.
func (b *sessionBench) share(ctx context.Context, index string) (float64, error) {
	n, err := b.redis.ZCard(ctx, index).Result()
	if err != nil {
		return 0, fmt.Errorf("counting the index %s: %w", index, err)
	}
	if n == 0 {
		return 0, fmt.Errorf("the index %s has no entries", index)
	}
	total, err := b.memory(ctx, index)
	return total / float64(n), err
}

func recordOf(sid string) string           { return "signet:s:" + sid }
func indexOfSubject(subject string) string { return "signet:u:" + slot(subject) }
func indexOfClient(client string) string   { return "signet:c:" + slot(client) }

func slot(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "{" + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "}"
}
