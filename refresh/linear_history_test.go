package refresh_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"

	"signet/refresh"
)

const (
	never     = math.MaxInt64 // the return of a step that may still happen
	noAttempt = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	forever   = time.Hour // a grace that no history outlives
	keyRecord = "signet:s:"
)

// history is what several callers did to the sessions of one subject, through
// several replicas, and what they saw.
type history struct {
	rig     *rig
	seed    uint64
	grace   bool
	temper  temper
	subject string
	clock   atomic.Int64

	mu       sync.Mutex
	ops      []porcupine.Operation
	sessions []*target
	stuck    []stuckCopy
	failures []error
}

// target is one session: its tokens by generation, and old states of its record.
type target struct {
	sid    string
	tokens map[uint32]string
	newest uint32
	saved  []saved
}

type saved struct {
	text  string
	state automaton
}

// play runs one random history. The seed decides what each caller does, Redis
// in which order.
func (r *rig) play(ctx context.Context, seed uint64) *history {
	rng := mathrand.New(mathrand.NewPCG(seed, 0))
	h := &history{rig: r, seed: seed, grace: rng.IntN(2) == 0, temper: temper(rng.IntN(3)), subject: "user:" + rand.Text()}
	for range 1 + rng.IntN(2) {
		h.begin(ctx)
	}
	var callers []*caller
	for id := range 3 + rng.IntN(3) {
		c := &caller{h: h, id: id, rng: mathrand.New(mathrand.NewPCG(seed, uint64(id+1)))}
		c.steps = 3 + c.rng.IntN(4)
		callers = append(callers, c)
	}
	// In step, so that many things happen at once, or each on its own, so that
	// some are slower than others.
	pace := 1 + 5*rng.IntN(2)
	for range 6 / pace {
		together(ctx, callers, pace)
	}
	last := &caller{h: h, id: 5, rng: rng, calm: true}
	last.arrive(ctx, len(h.stuck))
	for i := range h.sessions {
		last.read(ctx, i)
		last.refresh(ctx, i, h.newest(i))
		last.refresh(ctx, i, 1)
		last.read(ctx, i)
	}
	return h
}

// together lets every caller go at most n steps further.
func together(ctx context.Context, callers []*caller, n int) {
	var gate, all sync.WaitGroup
	gate.Add(1)
	for _, c := range callers {
		all.Go(func() {
			gate.Wait()
			for range min(n, c.steps) {
				c.step(ctx)
				c.steps--
			}
		})
	}
	gate.Done()
	all.Wait()
}

// begin creates a session.
func (h *history) begin(ctx context.Context) {
	token, session, err := createFor(ctx, h.store(0), h.subject)
	if err != nil {
		h.fail(err)
		return
	}
	t := &target{sid: session.SID, tokens: map[uint32]string{1: token}, newest: 1}
	h.sessions = append(h.sessions, t)
	if _, err := h.save(ctx, len(h.sessions)-1); err != nil {
		h.fail(err)
	}
}

// createFor creates a session of a new family, for the client "login".
func createFor(ctx context.Context, store *refresh.Store, subject string) (string, refresh.Session, error) {
	family, err := refresh.NewFamily(rand.Reader)
	if err != nil {
		return "", refresh.Session{}, err
	}
	return store.Create(ctx, family, refresh.Session{ClientID: "login", Subject: subject})
}

// store is one of the replicas.
func (h *history) store(replica int) *refresh.Store {
	stores := h.rig.strict
	if h.grace {
		stores = h.rig.lenient
	}
	return stores[replica%len(stores)]
}

func (h *history) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failures = append(h.failures, err)
}

func (h *history) record(o porcupine.Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

func (h *history) newest(session int) uint32 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sessions[session].newest
}

// token is the newest known one of at most that generation.
func (h *history) token(session int, g uint32) (string, uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.sessions[session]
	for ; g > 1; g-- {
		if token, ok := t.tokens[g]; ok {
			return token, g
		}
	}
	return t.tokens[1], 1
}

// learn takes a token that was answered. A generation has one token only.
func (h *history) learn(session int, g uint32, token string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.sessions[session]
	if known, ok := t.tokens[g]; ok && known != token {
		h.failures = append(h.failures, fmt.Errorf("generation %d of session %d has two tokens", g, session))
	}
	t.tokens[g] = token
	t.newest = max(t.newest, g)
}

// longAgo is the idle end that the step "expire" writes.
const longAgo = "\x00\x00\x00\x00\x00\x01"

// parseState reads a record as the automaton has it.
func parseState(text string) (automaton, error) {
	if text == "" {
		return automaton{life: gone}, nil
	}
	switch {
	case len(text) >= 45 && text[:2] == "1r":
		return automaton{life: revoked}, nil
	case len(text) < 45 || text[:2] != "1a":
		return automaton{}, fmt.Errorf("a record that nobody wrote: %.45q", text)
	}
	a := automaton{
		n: binary.BigEndian.Uint32([]byte(text[2:6])), attempt: text[8:24], graced: text[42]&1 == 1, graces: int(text[42] >> 1),
	}
	if text[30:36] == longAgo {
		a.life = expired
	}
	return a, nil
}

// save reads a session's record past the stores, and keeps it for a later
// failover.
func (h *history) save(ctx context.Context, session int) (automaton, error) {
	t := h.sessions[session]
	text, err := h.rig.plain.Get(ctx, keyRecord+t.sid).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return automaton{}, err
	}
	state, err := parseState(text)
	if err == nil && state.life == alive {
		h.mu.Lock()
		defer h.mu.Unlock()
		t.saved = append(t.saved, saved{text, state})
	}
	return state, err
}

// explained reports whether some order of the operations explains every answer.
func (h *history) explained() (bool, error) {
	if err := errors.Join(h.failures...); err != nil {
		return false, err
	}
	switch porcupine.CheckOperationsTimeout(protocol, h.ops, 2*time.Minute) {
	case porcupine.Ok:
		return true, nil
	case porcupine.Illegal:
		return false, nil
	case porcupine.Unknown:
	}
	return false, errors.New("the checker found no answer within two minutes")
}

// overlapping counts the operations that had another one beside them.
func (h *history) overlapping() (n int64) {
	for i, a := range h.ops {
		if slices.ContainsFunc(h.ops[i+1:], func(b porcupine.Operation) bool {
			return a.ClientId != b.ClientId && a.Call < b.Return && b.Call < a.Return
		}) {
			n++
		}
	}
	return n
}

// reported compares the events of reuse and rollback with what callers were
// told. Several who see the same may be one event.
func (h *history) reported() error {
	var errs []error
	for i, t := range h.sessions {
		told, untold := 0, 0
		for _, o := range h.ops {
			switch s, _ := o.Input.(step); {
			case s.session != i:
			case s.kind == stepVerdict:
				told++
			case s.kind == lostRefresh:
				untold++
			}
		}
		n := h.rig.events.of(t.sid, refresh.EventReuse) + h.rig.events.of(t.sid, refresh.EventRolledBack)
		if n > told+untold || n == 0 && told > 0 {
			errs = append(errs, fmt.Errorf("session %d: %d events of reuse and rollback, but %d callers were told so, %d nothing", i, n, told, untold))
		}
	}
	return errors.Join(errs...)
}

// complain prints a history that cannot be.
func (h *history) complain(t *testing.T, explained bool, err error) {
	t.Helper()
	t.Errorf("history of seed %d: some order explains it: %v; %v", h.seed, explained, err)
	for _, line := range describe(h.ops) {
		t.Log(line)
	}
}
