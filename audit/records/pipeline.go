package records

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
)

// pipeline reads a file and parses it ahead of its reader, on all cores: each
// reads a chunk when it is its turn, and parses it while it is in its cache.
type pipeline struct {
	turn    chan *chunker // to read; closed after the last chunk
	free    chan *chunk
	ordered chan *chunk
	closers bool // the file has some, so that no read of it lasts
	workers sync.WaitGroup
	cancel  context.CancelFunc
}

// newPipeline begins to read; close ends it, but for a read of standard input
// that nobody answers.
func newPipeline(ctx context.Context, in *stream) *pipeline {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	chunks := 2*workers + 2
	p := &pipeline{
		turn: make(chan *chunker, 1), cancel: cancel, closers: len(in.closers) > 0,
		free: make(chan *chunk, chunks), ordered: make(chan *chunk, chunks),
	}
	for range chunks {
		p.free <- &chunk{done: make(chan struct{}, 1)}
	}
	p.turn <- &chunker{in: in}
	for range workers {
		p.workers.Go(func() { p.work(ctx) })
	}
	return p
}

func (p *pipeline) close() {
	p.cancel()
	if p.closers { // a file, which will be closed
		p.workers.Wait()
	}
}

func (p *pipeline) work(ctx context.Context) {
	for c := p.read(ctx); c != nil; c = p.read(ctx) {
		c.parse(ctx)
		c.done <- struct{}{}
	}
}

// read reads the next chunk, which has a place in ordered; nil if there is none.
func (p *pipeline) read(ctx context.Context) *chunk {
	var k *chunker
	select {
	case <-ctx.Done():
		return nil
	case k = <-p.turn:
		if k == nil {
			return nil
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case c := <-p.free:
		k.fill(c)
		p.ordered <- c
		if c.err != nil {
			close(p.turn)
			close(p.ordered)
		} else {
			p.turn <- k
		}
		return c
	}
}

// next gives the chunk after the one that is given back; nil at the first call.
// Without a context that ends there is always one until its err says why not.
func (p *pipeline) next(ctx context.Context, back *chunk) (*chunk, error) {
	if back != nil {
		if back.err != nil {
			return nil, back.err
		}
		p.free <- back
	}
	var c *chunk
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case next, ok := <-p.ordered:
		if !ok {
			return nil, errors.Join(ctx.Err(), io.ErrUnexpectedEOF)
		}
		c = next
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return c, ctx.Err()
	}
}
