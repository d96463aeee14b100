package pipelining_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	over  chan error // the connection's error, nil for answers
}

func (*held) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *held) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { return h.exchange(ctx, []redis.Cmder{cmd}) }
}

func (h *held) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return h.exchange
}

func (h *held) exchange(ctx context.Context, cmds []redis.Cmder) error {
	t := trip{ctx: ctx, over: make(chan error)}
	for _, cmd := range cmds {
		t.texts = append(t.texts, fmt.Sprint(cmd.Args()[1]))
	}
	h.trips <- t
	err := <-t.over
	if errors.Is(err, errPanic) {
		panic(err)
	}
	for i, cmd := range cmds {
		if err != nil {
			cmd.SetErr(err)
		} else if text, ok := cmd.(*redis.StringCmd); ok {
			text.SetVal(t.texts[i])
		}
	}
	return err
}

var errPanic, errCut = errors.New("boom"), errors.New("connection reset by peer")

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
		echoes, cmds := make([]*redis.StringCmd, len(texts)), make([]redis.Cmder, len(texts))
		for i, text := range texts {
			echoes[i] = redis.NewStringCmd(ctx, "echo", text)
			cmds[i] = echoes[i]
		}
		var a asked
		if a.err = c.Process(ctx, cmds...); a.err == nil {
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

func told(t *testing.T, a <-chan asked, texts ...string) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-a:
		if got.err != nil || !slices.Equal(got.texts, texts) {
			t.Errorf("told %q, %v, want %q", got.texts, got.err, texts)
		}
	default:
		t.Errorf("told nothing, want %q", texts)
	}
}

func refused(t *testing.T, a <-chan asked, because error) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-a:
		if !errors.Is(got.err, because) {
			t.Errorf("told %q, %v, want %v", got.texts, got.err, because)
		}
	default:
		t.Errorf("told nothing, want %v", because)
	}
}

// next is the round trip that is sent next; there must be one.
func (h *held) next(t *testing.T, texts ...string) trip {
	t.Helper()
	synctest.Wait()
	select {
	case sent := <-h.trips:
		if !slices.Equal(sent.texts, texts) {
			t.Errorf("sent %q, want %q", sent.texts, texts)
		}
		return sent
	default:
		t.Fatalf("nothing was sent, want %q", texts)
		return trip{}
	}
}

func (h *held) nothing(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case sent := <-h.trips:
		t.Errorf("%q was sent", sent.texts)
	default:
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
		second.over <- nil
		told(t, b, "b1", "b2")
		third := network.next(t, "d", "e1", "e2", "f")
		first.over <- nil
		told(t, a, "a")
		network.nothing(t)
		third.over <- nil
		told(t, d, "d")
		told(t, e, "e1", "e2")
		told(t, f, "f")
		g := ask(t.Context(), c, "g") // after a rest
		network.next(t, "g").over <- nil
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
		c1, c2, c3, c4 := many("c", 200), many("d", 56), many("e", 1), many("f", 1000)
		calls := [][]string{c1, c2, c3, c4}
		var answers []<-chan asked
		for _, texts := range calls {
			answers = append(answers, ask(t.Context(), c, texts...))
		}
		first.over <- nil
		third := network.next(t, slices.Concat(c1, c2)...)
		second.over <- nil
		fourth := network.next(t, c3...)
		third.over <- nil
		network.next(t, c4...).over <- nil
		fourth.over <- nil
		for i, answer := range answers {
			told(t, answer, calls[i]...)
		}
		told(t, busy[0], "a")
		told(t, busy[1], "b")
	})
}

// TestLeaving: whoever gives up is told at once; what was not sent is not sent any
// more, and what was sent goes on for those who wait.
func TestLeaving(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, network := open(t, nil)
		short, cancel := context.WithCancel(t.Context())
		a, b := ask(short, c, "a"), ask(t.Context(), c, "b")
		first, second := network.next(t, "a"), network.next(t, "b")
		late, cancelLate := context.WithTimeout(t.Context(), time.Second)
		defer cancelLate()
		d, e, f := ask(late, c, "d"), ask(t.Context(), c, "e"), ask(short, c, "f")
		cancel()
		refused(t, a, context.Canceled) // was sent
		refused(t, f, context.Canceled)
		time.Sleep(time.Second)
		refused(t, d, context.DeadlineExceeded)
		refused(t, ask(short, c, "g"), context.Canceled) // never asks
		second.over <- nil
		told(t, b, "b")
		third := network.next(t, "e")
		first.over <- nil
		third.over <- nil
		told(t, e, "e")
		network.nothing(t)

		everybody, cancelAll := context.WithCancel(t.Context())
		for _, text := range []string{"h", "i", "j", "k"} {
			refusedLater := ask(everybody, c, text)
			defer refused(t, refusedLater, context.Canceled)
		}
		first, second = network.next(t, "h"), network.next(t, "i")
		cancelAll()
		synctest.Wait()
		first.over <- nil
		second.over <- nil
		network.nothing(t) // nobody is left
		l := ask(t.Context(), c, "l")
		network.next(t, "l").over <- nil
		told(t, l, "l")
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
		first.over <- nil
		third := network.next(t, "c", "d", "e")
		ends(third, 5*time.Second)
		ask(in(3*time.Second), c, "f")
		ask(t.Context(), c, "g")
		second.over <- nil
		fourth := network.next(t, "f", "g")
		ends(fourth, 0)
		third.over <- nil
		fourth.over <- nil
		if fourth.ctx.Err() != nil {
			t.Error("it was over before it was answered")
		}
	})
}

// TestFailures are told to all who were on the way, and to nobody else.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]struct {
		because error
		panics  int
	}{"cut": {errCut, 0}, "panic": {errPanic, 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log strings.Builder
				c, network := open(t, slog.New(slog.NewTextHandler(&log, nil)))
				a, b := ask(t.Context(), c, "a"), ask(t.Context(), c, "b")
				first, second := network.next(t, "a"), network.next(t, "b")
				d, e := ask(t.Context(), c, "d"), ask(t.Context(), c, "e1", "e2")
				first.over <- with.because
				third := network.next(t, "d", "e1", "e2")
				f := ask(t.Context(), c, "f")
				third.over <- with.because
				network.next(t, "f").over <- nil
				second.over <- nil
				told(t, b, "b")
				told(t, f, "f")
				for _, failed := range []<-chan asked{a, d, e} {
					synctest.Wait()
					if got := <-failed; got.err == nil || !strings.Contains(got.err.Error(), with.because.Error()) {
						t.Errorf("told %q, %v, want %v", got.texts, got.err, with.because)
					}
				}
				if n := strings.Count(log.String(), "msg=\"the redis client panicked\""); n != with.panics {
					t.Errorf("%d panics are logged, want %d: %s", n, with.panics, log.String())
				}
			})
		})
	}
}
