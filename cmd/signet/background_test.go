package main

import (
	"context"
	"slices"
	"testing"
)

func TestBackground(t *testing.T) {
	t.Parallel()
	var b background
	ended, hang := make(chan struct{}), make(chan struct{})
	b.spawn("ends", func() { close(ended) })
	for range 2 {
		b.spawn("hangs", func() { <-hang })
	}
	b.spawn("spawns", func() { b.spawn("hangs too", func() { <-hang }) })
	<-ended
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for { // what ended is off the list a moment later
		names := b.end(over)
		if slices.Sort(names); slices.Equal(names, []string{"hangs", "hangs", "hangs too"}) {
			break
		}
		if t.Context().Err() != nil || !slices.Contains(names, "hangs") {
			t.Fatalf("still running: %v", names)
		}
	}
	close(hang)
	if names := b.end(t.Context()); names != nil {
		t.Errorf("still running: %v", names)
	}
}
