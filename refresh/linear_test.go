package refresh_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"signet/internal/redistest"
)

// atLength is the size of a test: long for `make soak`.
func atLength(short, long int) int {
	if os.Getenv("SIGNET_SOAK") != "" {
		return long
	}
	return short
}

// TestConcurrentHistories: whatever clients, attackers, administrators and
// failovers do at once through several replicas, every answer is explained by
// some order of what they did.
func TestConcurrentHistories(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	r := newRig(t, addr, nil)
	first := rand.Uint64()
	var played, operations, overlapping atomic.Int64
	r.playMany(t.Context(), first, atLength(1000, 10_000), func(h *history) (goOn bool) {
		played.Add(1)
		operations.Add(int64(len(h.ops)))
		overlapping.Add(h.overlapping())
		explained, err := h.explained()
		if err = errors.Join(err, h.reported()); !explained || err != nil {
			h.complain(t, explained, err)
			return false
		}
		return true
	})
	t.Logf("%d histories from seed %d, %d operations, %d of them beside another one, %d calls or answers lost, %d round trips shared, %d of them cut, %d events",
		played.Load(), first, operations.Load(), overlapping.Load(), r.faults.Load(), r.shared.Load(), r.cut.Load(), r.events.all())
	if r.cut.Load() == 0 {
		t.Error("no two callers ever lost a round trip that they shared")
	}
}

// TestBrokenScriptsAreFound: the same histories, with a script that is broken
// on purpose. A checker that explains everything would prove nothing.
func TestBrokenScriptsAreFound(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Server(t)
	if !ok {
		return
	}
	const atMost = 5000
	for i := range mutants {
		m := &mutants[i]
		if _, ok := m.broken(); !ok {
			t.Errorf("%s: the script has changed: change the mistake as well", m.name)
			continue
		}
		r := newRig(t, addr, m)
		var played atomic.Int64
		var found atomic.Bool
		r.playMany(t.Context(), rand.Uint64(), atMost, func(h *history) (goOn bool) {
			played.Add(1)
			if explained, err := h.explained(); !explained && err == nil {
				found.Store(true)
			}
			return !found.Load()
		})
		if !found.Load() {
			t.Errorf("%s: not found in %d histories", m.name, played.Load())
			continue
		}
		t.Logf("%s: found after %d histories", m.name, played.Load())
	}
}

// playMany plays histories, some at once, until there are enough or judge has
// seen enough.
func (r *rig) playMany(ctx context.Context, first uint64, total int, judge func(*history) (goOn bool)) {
	var next atomic.Int64
	var over atomic.Bool
	var players sync.WaitGroup
	for range 4 {
		players.Go(func() {
			for i := next.Add(1); i <= int64(total) && !over.Load(); i = next.Add(1) {
				if !judge(r.play(ctx, first+uint64(i))) {
					over.Store(true)
				}
			}
		})
	}
	players.Wait()
}
