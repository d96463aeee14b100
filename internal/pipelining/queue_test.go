package pipelining_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/pipelining"
)

// held is a network that keeps every round trip until it is let go, so that a
// test knows who waits. ECHO is answered with its argument.
type held struct {
	trips chan trip // as they are sent
}

type trip struct {
	ctx   context.Context //nolint:containedctx // what the client was given
	texts []string
	over  chan func([]redis.Cmder) error // what becomes of it
}

// answered is the usual end of a round trip.
func answered(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		switch cmd := cmd.(type) {
		case *redis.StringCmd:
			cmd.SetVal(fmt.Sprint(cmd.Args()[1]))
		case *redis.Cmd:
			cmd.SetVal(cmd.Args()[1])
		}
	}
	return nil
}

// cut is a connection that breaks after the first command was refused; what the
// others are to be told is left to the Client.
func cut(cmds []redis.Cmder) error {
	if len(cmds) > 1 {
		cmds[0].SetErr(redis.Nil)
	} else {
		cmds[0].SetErr(errCut)
	}
	return errCut
}

// panicked is a bug of go-redis, as late as can be.
func panicked(cmds []redis.Cmder) error {
	if len(cmds) > 1 {
		cmds[0].SetErr(redis.Nil)
	}
	panic(errCut)
}

func (*held) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *held) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return h.exchange(ctx, []redis.Cmder{cmd}) }
}

func (h *held) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return h.exchange
}

func (h *held) exchange(ctx context.Context, cmds []redis.Cmder) error {
	t := trip{ctx: ctx, over: make(chan func([]redis.Cmder) error)}
	for _, cmd := range cmds {
		t.texts = append(t.texts, fmt.Sprint(cmd.Args()[1]))
	}
	h.trips <- t
	return (<-t.over)(cmds)
}

var errCut = errors.New("connection reset by peer")

func open(t *testing.T, log *slog.Logger) (*pipelining.Client, *held) {
	t.Helper()
	server := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = server.Close() })
	network := &held{trips: make(chan trip, 100)}
	server.AddHook(network)
	return pipelining.New(pipelining.Config{Redis: server, Logger: log}), network
}

// asked is what a caller was told.
type asked struct {
	texts []string
	err   error // of Process, else of the first command that has one
}

func ask(ctx context.Context, c *pipelining.Client, texts ...string) <-chan asked {
	told := make(chan asked, 1)
	go func() {
		echoes, cmds := make([]*redis.StringCmd, len(texts)), make([]redis.Cmder, len(texts), len(texts)+1)
		for i, text := range texts {
			echoes[i] = redis.NewStringCmd(ctx, "echo", text)
			cmds[i] = echoes[i]
		}
		var a asked
		a.err = c.Process(ctx, cmds...)
		if cmds[:cap(cmds)][len(cmds)] != nil {
			a.err = errors.New("it writes beyond the caller's commands")
		} else if a.err == nil {
			for _, echo := range echoes {
				text, err := echo.Result()
				a.texts = append(a.texts, text)
				a.err = errors.Join(a.err, err)
			}
		}
		told <- a
	}()
	synctest.Wait() // it waits for its answer now
	return told
}

// now is what came of it until now; ok is false if that is nothing.
func now[T any](of <-chan T) (one T, ok bool) {
	synctest.Wait()
	select {
	case one = <-of:
		return one, true
	default:
		return one, false
	}
}

func told(t *testing.T, a <-chan asked, texts ...string) {
	t.Helper()
	if got, ok := now(a); !ok || got.err != nil || !slices.Equal(got.texts, texts) {
		t.Errorf("told (%v) %q, %v, want %q", ok, got.texts, got.err, texts)
	}
}

func refused(t *testing.T, a <-chan asked, because error) {
	t.Helper()
	if got, ok := now(a); !ok || !errors.Is(got.err, because) {
		t.Errorf("told (%v) %q, %v, want %v", ok, got.texts, got.err, because)
	}
}

func waits(t *testing.T, a <-chan asked) {
	t.Helper()
	if got, ok := now(a); ok {
		t.Errorf("told %q, %v already", got.texts, got.err)
	}
}

// next is the round trip that is sent next; there must be one.
func (h *held) next(t *testing.T, texts ...string) trip {
	t.Helper()
	sent, ok := now(h.trips)
	if !ok {
		t.Fatalf("nothing was sent, want %q", texts)
	}
	if !slices.Equal(sent.texts, texts) {
		t.Errorf("sent %q, want %q", sent.texts, texts)
	}
	return sent
}

// sent adds the round trips that were sent since.
func (h *held) sent(before []trip) []trip {
	for {
		next, ok := now(h.trips)
		if !ok {
			return before
		}
		before = append(before, next)
	}
}

func (h *held) nothing(t *testing.T) {
	t.Helper()
	if sent, ok := now(h.trips); ok {
		t.Errorf("%q was sent", sent.texts)
	}
}

// TestSharing: two go at once, and what comes meanwhile goes together, in order.
func TestSharing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		a, b := ask(t.Context(), c, "a"), ask(t.Context(), c, "b1", "b2")
		first, second := network.next(t, "a"), network.next(t, "b1", "b2")
		d, e, f := ask(t.Context(), c, "d"), ask(t.Context(), c, "e1", "e2"), ask(t.Context(), c, "f")
		network.nothing(t)
		second.over <- answered
		told(t, b, "b1", "b2")
		third := network.next(t, "d", "e1", "e2", "f")
		first.over <- answered
		told(t, a, "a")
		network.nothing(t)
		third.over <- answered
		told(t, d, "d")
		told(t, e, "e1", "e2")
		told(t, f, "f")
		g := ask(t.Context(), c, "g") // after a rest
		network.next(t, "g").over <- answered
		told(t, g, "g")
	})
}

// TestMost: a round trip has a limit, and one caller's commands stay together.
func TestMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		busy := []<-chan asked{ask(t.Context(), c, "a"), ask(t.Context(), c, "b")}
		first, second := network.next(t, "a"), network.next(t, "b")
		many := func(name string, n int) (texts []string) {
			for i := range n {
				texts = append(texts, fmt.Sprintf("%s%d", name, i))
			}
			return texts
		}
		c1, c2, c3, c4 := many("c", 100), many("d", 28), many("e", 1), many("f", 1000)
		calls := [][]string{c1, c2, c3, c4}
		var answers []<-chan asked
		for _, texts := range calls {
			answers = append(answers, ask(t.Context(), c, texts...))
		}
		first.over <- answered
		third := network.next(t, slices.Concat(c1, c2)...)
		second.over <- answered
		fourth := network.next(t, c3...)
		third.over <- answered
		network.next(t, c4...).over <- answered
		fourth.over <- answered
		for i, answer := range answers {
			told(t, answer, calls[i]...)
		}
		told(t, busy[0], "a")
		told(t, busy[1], "b")
	})
}

// TestLeaving: whoever gives up before his commands were sent is told at once, and
// they are not sent any more. After that he waits until his time is over: it goes on
// for those who wait.
func TestLeaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		// Less than a stall, after which another round trip would begin.
		gone, hangUp := context.WithCancel(t.Context())
		short, cancel := context.WithTimeout(gone, 40*time.Millisecond)
		defer cancel()
		a, b := ask(short, c, "a"), ask(gone, c, "b")
		first, second := network.next(t, "a"), network.next(t, "b")
		late, cancelLate := context.WithTimeout(t.Context(), 40*time.Millisecond)
		defer cancelLate()
		d, e, f := ask(late, c, "d"), ask(t.Context(), c, "e"), ask(gone, c, "f")
		hangUp()
		refused(t, f, context.Canceled)
		waits(t, a)
		waits(t, b)
		time.Sleep(40 * time.Millisecond)
		refused(t, a, context.Canceled)
		refused(t, d, context.DeadlineExceeded)
		refused(t, ask(gone, c, "g"), context.Canceled) // never asks
		second.over <- answered
		told(t, b, "b") // although he hung up
		third := network.next(t, "e")
		first.over <- answered
		third.over <- answered
		told(t, e, "e")
		network.nothing(t)
	})
}

// TestAllLeave: when nobody is left nothing is sent, and the next one is served.
func TestAllLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		all, hangUp := context.WithCancel(t.Context())
		h, i, j, k := ask(all, c, "h"), ask(all, c, "i"), ask(all, c, "j"), ask(all, c, "k")
		first, second := network.next(t, "h"), network.next(t, "i")
		hangUp()
		refused(t, j, context.Canceled)
		refused(t, k, context.Canceled)
		first.over <- answered
		second.over <- answered
		told(t, h, "h")
		told(t, i, "i")
		network.nothing(t)
		l := ask(t.Context(), c, "l")
		network.next(t, "l").over <- answered
		told(t, l, "l")
	})
}

// TestScriptLeft: the answer of a caller who left is an error, and the command that
// is still on its way is not his any more.
func TestScriptLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answers := make(chan *redis.Cmd, 1)
		go func() { answers <- c.EvalSha(ctx, "digest", []string{"key"}, "arg") }()
		sent := network.next(t, "digest")
		time.Sleep(time.Second)
		synctest.Wait()
		left := <-answers
		if !errors.Is(left.Err(), context.DeadlineExceeded) {
			t.Errorf("told %v, %v", left.Val(), left.Err())
		}
		sent.over <- answered
		synctest.Wait()
		if left.Val() != nil {
			t.Errorf("told %v after he left", left.Val())
		}
		go func() { answers <- c.EvalSha(t.Context(), "digest", []string{"key"}, "arg") }()
		network.next(t, "digest").over <- answered
		if got := <-answers; got.Val() != "digest" || got.Err() != nil || fmt.Sprint(got.Args()) != "[evalsha digest 1 key arg]" {
			t.Errorf("told %v", got)
		}
	})
}

// TestStall: connections that are dead without a word do not keep all others away,
// whether somebody comes after them or not.
func TestStall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		const atMost = 8
		ask(t.Context(), c, "0")
		ask(t.Context(), c, "1")
		last := network.next(t, "0")
		dead := []trip{network.next(t, "1")}
		for i := 2; i < atMost; i++ {
			own := fmt.Sprint(i)
			if i%2 == 0 { // comes late
				time.Sleep(51 * time.Millisecond)
			}
			waiting := ask(t.Context(), c, own)
			if i%2 == 1 { // was there already
				network.nothing(t)
				time.Sleep(51 * time.Millisecond)
			}
			dead = append(dead, network.next(t, own))
			waits(t, waiting)
		}
		beyond := ask(t.Context(), c, "beyond")
		time.Sleep(time.Second)
		ask(t.Context(), c, "beyond it")
		network.nothing(t)
		last.over <- cut
		network.next(t, "beyond", "beyond it").over <- answered
		told(t, beyond, "beyond")
		for _, sent := range dead {
			sent.over <- cut
		}
	})
}

// TestSteady: under load, and after a rest, there are two at a time.
func TestSteady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				for range 50 {
					cmd := redis.NewStringCmd(t.Context(), "echo", fmt.Sprint(i))
					if err := c.Process(t.Context(), cmd); err != nil || cmd.Val() != fmt.Sprint(i) {
						t.Errorf("told %q, %v", cmd.Val(), err)
					}
				}
			})
		}
		sent, most := 0, 0
		for underWay := network.sent(nil); len(underWay) > 0; underWay = network.sent(underWay[1:]) {
			sent, most = sent+1, max(most, len(underWay))
			time.Sleep(10 * time.Millisecond)
			underWay[0].over <- answered
		}
		callers.Wait()
		if most != 2 || sent > 20*50/4 {
			t.Errorf("%d round trips for %d commands, up to %d at once", sent, 20*50, most)
		}
	})
}

// TestPatience: a round trip lasts as long as any of its callers would wait.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		in := func(d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			t.Cleanup(cancel)
			return ctx
		}
		began := time.Now()
		ends := func(sent trip, d time.Duration) {
			t.Helper()
			deadline, ok := sent.ctx.Deadline()
			if ok != (d > 0) || ok && deadline.Sub(began) != d {
				t.Errorf("it ends %v (%v), want %v", deadline.Sub(began), ok, d)
			}
		}
		ask(in(time.Second), c, "a")
		ask(in(2*time.Second), c, "b")
		first, second := network.next(t, "a"), network.next(t, "b")
		ends(first, time.Second)
		ends(second, 2*time.Second)
		ask(in(3*time.Second), c, "c")
		ask(in(5*time.Second), c, "d")
		ask(in(4*time.Second), c, "e")
		first.over <- answered
		third := network.next(t, "c", "d", "e")
		ends(third, 5*time.Second)
		ask(in(3*time.Second), c, "f")
		gone, hangUp := context.WithCancel(t.Context())
		ask(gone, c, "g") // who says nothing about his time
		second.over <- answered
		fourth := network.next(t, "f", "g")
		ends(fourth, 0)
		hangUp()
		if fourth.ctx.Err() != nil {
			t.Error("who hangs up ends it for all")
		}
		third.over <- answered
		fourth.over <- answered
		synctest.Wait()
		if fourth.ctx.Err() == nil || third.ctx.Err() == nil {
			t.Error("what was to end a round trip outlives it")
		}
	})
}

// TestFailures are told to all who were on the way, and to nobody else.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		end    func([]redis.Cmder) error
		panics int
	}{"cut": {cut, 0}, "panic": {panicked, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				c, network := open(t, slog.New(slog.NewTextHandler(&log, nil)))
				a, b := ask(t.Context(), c, "a"), ask(t.Context(), c, "b")
				first, second := network.next(t, "a"), network.next(t, "b")
				d, e := ask(t.Context(), c, "d"), ask(t.Context(), c, "e1", "e2")
				first.over <- with.end
				third := network.next(t, "d", "e1", "e2")
				f := ask(t.Context(), c, "f")
				third.over <- with.end
				network.next(t, "f").over <- answered
				second.over <- answered
				told(t, b, "b")
				told(t, f, "f")
				refused(t, d, redis.Nil) // its own
				for _, failed := range []<-chan asked{a, e} {
					synctest.Wait()
					if got := <-failed; got.err == nil || !strings.Contains(got.err.Error(), errCut.Error()) {
						t.Errorf("told %q, %v, want %v", got.texts, got.err, errCut)
					}
				}
				if n := strings.Count(log.String(), "msg=\"the redis client panicked\""); n != with.panics {
					t.Errorf("%d panics are logged, want %d: %s", n, with.panics, log.String())
				}
			})
		})
	}
}
