package refresh_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"signet/refresh"
	"signet/refresh/refreshtest"
)

// rig is a Redis and the replicas that use it: one set without a grace, one
// with a grace that nothing outlives.
type rig struct {
	plain           *redis.Client // past the stores and without faults
	strict, lenient []*refresh.Store
	faults          atomic.Int64
	shared, cut     atomic.Int64 // round trips of several callers, and those of them that were cut
	events          tally
}

const replicas = 3

// newRig opens the replicas. broken says what they run in place of a script;
// nil means the real ones.
func newRig(t *testing.T, addr string, broken *mutant) *rig {
	t.Helper()
	r := &rig{plain: dial(t, addr)}
	keys := refreshtest.NewKeys()
	open := func(grace time.Duration) *refresh.Store {
		client := dial(t, addr)
		way := &network{rig: r, mutant: broken}
		client.AddHook(way)
		store := refresh.New(refresh.Config{
			Redis: client, Keys: keys, Grace: grace, Idle: 24 * time.Hour, Timeout: 10 * time.Second,
			Logger: slog.New(slog.DiscardHandler), Events: r.events.note,
		})
		store.Between(func(to refresh.Pipelined) refresh.Pipelined { return pipelined{to, way} })
		return store
	}
	for range replicas {
		r.strict = append(r.strict, open(0))
		r.lenient = append(r.lenient, open(forever))
	}
	return r
}

// way is the way of one question's calls to Redis and back, and its times.
type way struct {
	caller       *caller
	step         step
	began, ended int64
	attempt      string // of the commit that was sent
	ending       int64  // when the call went out that revokes for a reuse
	shut         int64  // when the not-before was set
	buries       bool   // a tombstone was sent
	troubled     bool   // something was lost on it
	ghosts       []ghost
}

// ghost is a call that was or may yet be executed without an answer.
type ghost struct {
	kind    kind
	session int // -1 means every one
	late    bool
}

// note records a step of the question.
func (w *way) note(k kind, seen sight, from, to int64) {
	s := w.step
	s.kind = k
	w.caller.h.record(porcupine.Operation{ClientId: w.caller.id, Input: s, Output: seen, Call: from, Return: to})
}

// haunt records the ghosts.
func (w *way) haunt() {
	asked := w.step.session
	defer func() { w.step.session = asked }()
	for _, g := range w.ghosts {
		until := w.ended
		if g.late {
			until = never
		}
		for w.step.session = range w.caller.h.sessions {
			if g.session < 0 || g.session == w.step.session {
				w.note(g.kind, sight{}, w.began, until)
			}
		}
	}
}

type wayKey struct{}

// stuckCopy is a call that the network has kept for later.
type stuckCopy struct{ args []any }

// network is the way between a store and Redis. Seldom it loses a call, or its
// answer, or keeps the call and delivers it when its caller has given up.
type network struct {
	rig    *rig
	mutant *mutant
}

func (*network) DialHook(next redis.DialHook) redis.DialHook { return next }

func (n *network) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		n.mutant.replace(cmd)
		w, ok := ctx.Value(wayKey{}).(*way)
		if !ok || cmd.Name() != "evalsha" && cmd.Name() != "eval" {
			return next(ctx, cmd)
		}
		return n.carry(w, cmd, func() error { return next(ctx, cmd) })
	}
}

// carry does to a call of a script what the network may.
func (n *network) carry(w *way, cmd redis.Cmder, next func() error) error {
	g, effect := w.read(cmd)
	fate := answered
	if cmd.Name() == "evalsha" { // the other follows it
		fate = w.fate()
	}
	switch fate {
	case unsent:
	case unanswered:
		if err := next(); redis.HasErrorPrefix(err, "NOSCRIPT") {
			return err
		}
	case delayed:
		if g.late = true; effect {
			w.caller.h.keep(stuckCopy{args: cmd.Args()})
		}
	case answered:
		err := next()
		if err == nil && g.kind == lostShut {
			w.shut = w.caller.h.clock.Add(2)
		}
		if g.late = broken(err); g.late && effect {
			w.ghosts = append(w.ghosts, g)
		}
		return err
	}
	if effect && fate != unsent {
		w.ghosts = append(w.ghosts, g)
	}
	return n.lose(w, cmd)
}

// lose tells a caller that his calls, or their answers, are lost.
func (n *network) lose(w *way, cmds ...redis.Cmder) error {
	n.rig.faults.Add(1)
	w.troubled = true
	return lost(cmds)
}

func lost(cmds []redis.Cmder) error {
	for _, cmd := range cmds {
		cmd.SetErr(io.EOF)
	}
	return io.EOF
}

// ProcessPipelineHook does the same to several commands at once. What they do
// to a session is noted by those who send them. A round trip that callers share
// is nobody's way: see pipelined.
func (n *network) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			n.mutant.replace(cmd)
		}
		w, ok := ctx.Value(wayKey{}).(*way)
		if !ok {
			return n.carryShared(cmds, func() error { return next(ctx, cmds) })
		}
		return n.carryAll(w, cmds, func() error { return next(ctx, cmds) })
	}
}

// carryShared seldom loses the answers to several callers. Those who create the
// sessions of a history get theirs.
func (n *network) carryShared(cmds []redis.Cmder, next func() error) error {
	checks := 0
	for _, cmd := range cmds {
		if cmd.Name() != "evalsha" {
			continue
		}
		switch mode, _ := cmd.Args()[4].(string); mode {
		case "check", "commit", "end":
			checks++
		default:
			return next()
		}
	}
	if checks > 1 {
		n.rig.shared.Add(1)
	}
	err := next()
	if checks < 2 || rand.IntN(36) > 0 {
		return err
	}
	n.rig.cut.Add(1)
	return lost(cmds)
}

func (n *network) carryAll(w *way, cmds []redis.Cmder, next func() error) error {
	switch w.fate() {
	case answered, delayed:
		err := next()
		if broken(err) {
			w.troubled = true
			w.ghosts = append(w.ghosts, ghost{kind: lostRevoke, session: -1, late: true})
		}
		return err
	case unanswered:
		_ = next() // whatever it was, nobody will know
	case unsent:
	}
	return n.lose(w, cmds...)
}

// pipelined does to one caller's calls what the network may, before they share
// a round trip with other callers' and nobody knows any more whose they are.
type pipelined struct {
	refresh.Pipelined

	network *network
}

func (s pipelined) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	w, ok := ctx.Value(wayKey{}).(*way)
	if !ok {
		return s.Pipelined.EvalSha(ctx, sha1, keys, args...)
	}
	cmd := s.network.rig.plain.Pipeline().EvalSha(ctx, sha1, keys, args...) // only makes it
	s.network.mutant.replace(cmd)
	_ = s.network.carry(w, cmd, func() error {
		answer, err := s.Pipelined.EvalSha(ctx, sha1, keys, args...).Result()
		cmd.SetVal(answer)
		cmd.SetErr(err)
		return err
	})
	return cmd
}

func (s pipelined) Process(ctx context.Context, cmds ...redis.Cmder) error {
	w, ok := ctx.Value(wayKey{}).(*way)
	if !ok {
		return s.Pipelined.Process(ctx, cmds...)
	}
	var left error
	_ = s.network.carryAll(w, cmds, func() error {
		if left = s.Pipelined.Process(ctx, cmds...); left != nil {
			return left
		}
		for _, cmd := range cmds {
			if err := cmd.Err(); broken(err) {
				return err
			}
		}
		return nil
	})
	return left
}

// fate is what the network does to a call.
type fate int

const (
	answered fate = iota
	unsent
	unanswered
	delayed // it arrives when nobody waits any more
)

func (w *way) fate() fate {
	if w.caller.calm {
		return answered
	}
	if n := w.caller.rng.IntN(36); n <= int(delayed) {
		return fate(n)
	}
	return answered
}

// broken reports a connection that failed without our doing.
func broken(err error) bool {
	_, said := errors.AsType[redis.Error](err)
	return err != nil && !said
}

// read says what a call to a script does, and to which session, if anything.
// EVALSHA digest number key mode generation grace rollback end body attempt ...
func (w *way) read(cmd redis.Cmder) (g ghost, effect bool) {
	args := cmd.Args()
	if len(args) < 5 {
		return ghost{}, false
	}
	key, _ := args[3].(string)
	sid, isRecord := strings.CutPrefix(key, keyRecord)
	if !isRecord {
		return ghost{kind: lostShut, session: -1}, true
	}
	g.session = slices.IndexFunc(w.caller.h.sessions, func(t *target) bool { return t.sid == sid })
	switch mode, _ := args[4].(string); mode {
	case "check":
		return g, false
	case "commit":
		attempt, _ := args[10].([]byte)
		w.attempt = string(attempt)
		g.kind = lostCommit
	case "end":
		if w.ending == 0 {
			w.ending = w.caller.h.clock.Add(2)
		}
		g.kind = lostEnd
	default: // the script of revocation
		w.buries = true
		g.kind = lostRevoke
	}
	return g, true
}

func (h *history) keep(s stuckCopy) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stuck = append(h.stuck, s)
}

// arrive delivers up to n calls that were stuck.
func (c *caller) arrive(ctx context.Context, n int) {
	for range n {
		c.h.mu.Lock()
		if len(c.h.stuck) == 0 {
			c.h.mu.Unlock()
			return
		}
		first := c.h.stuck[0]
		c.h.stuck = c.h.stuck[1:]
		c.h.mu.Unlock()
		if err := c.h.rig.plain.Do(ctx, first.args...).Err(); err != nil && !redis.HasErrorPrefix(err, "NOSCRIPT") {
			c.h.fail(err)
		}
	}
}
