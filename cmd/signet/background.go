package main

import (
	"context"
	"slices"
	"sync"
)

// background is the work behind the requests, each part under a name.
type background struct {
	wait sync.WaitGroup

	mu      sync.Mutex
	running []string
}

func (b *background) spawn(name string, work func()) {
	b.mu.Lock()
	b.running = append(b.running, name)
	b.mu.Unlock()
	b.wait.Go(func() {
		defer b.ended(name)
		work()
	})
}

func (b *background) ended(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.running, name)
	b.running = slices.Delete(b.running, i, i+1)
}

// parts starts parts of a process, which run until ctx ends: what one of them
// fails with before goes to failed.
func (b *background) parts(ctx context.Context, failed chan<- error) func(name string, part func(context.Context) error) {
	return func(name string, part func(context.Context) error) {
		b.spawn(name, func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				failed <- err
			}
		})
	}
}

// end waits for all of it, but no longer than ctx: a file system may hang. It
// returns the names of what goes on.
func (b *background) end(ctx context.Context) []string {
	all := make(chan struct{})
	go func() {
		b.wait.Wait()
		close(all)
	}()
	select {
	case <-all:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Clone(b.running)
	}
}
