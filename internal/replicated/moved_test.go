package replicated_test

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"signet/internal/redistest"
	"signet/internal/replicated"
)

// TestSlotMoves: a client that does not know yet finds the slot where it is,
// at its first try, also while it is under way.
func TestSlotMoves(t *testing.T) {
	t.Parallel()
	c, ok := redistest.StartCluster(t, redistest.ClusterConfig{Masters: 2, Replicas: 1})
	if !ok {
		return // a strict run has failed
	}
	p := placeOf(t, c)
	const key = "moved"
	w := replicated.New(replicated.Config{Redis: p.open(), Replicas: 1, Timeout: 250 * time.Millisecond})
	run(t, w, key, "before")
	at, slot := c.Owner(t, key)
	from, to, replica := c.Masters[at], c.Masters[1-at], c.Replicas[1-at][0]
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"leaves", func() { c.Leave(t, slot, from, to) }},
		{"arrives", func() { c.Arrive(t, slot, to) }},
	} {
		step.do()
		sentOn(t, w, key, step.name)
		// KEYS, for a replica sends on whoever reads a slot that is not its own yet.
		if got := replica.Admin.Keys(t.Context(), "*").Val(); !slices.Equal(got, []string{key}) {
			t.Errorf("the slot %s: the new place's replica has %q", step.name, got)
		}
		// What was told of the old place's replicas says nothing of the new one's.
		replica.Halt(t)
		unreplicated(t, w, key)
		replica.Resume(t)
	}
}

// sentOn wants a write to find its place, however busy the machine.
func sentOn(t *testing.T, w *replicated.Writer, key, value string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := w.Run(t.Context(), write, []string{key}, value).Err()
		if err == nil {
			return
		}
		if redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK") || time.Now().After(deadline) {
			t.Fatalf("the slot %s: %v", value, err)
		}
	}
}
