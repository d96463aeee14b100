package vaultlog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
)

// Options of a scan.
type Options struct {
	// Files of one log, plain or gzip, in any order; "-" is Stdin. The logs of all
	// nodes of a cluster may be given together, but not those of two devices: both
	// have every request.
	Files []string
	// Stdin is read where Files has "-"; nil has nothing in it.
	Stdin io.Reader
	// Interest says which requests to give.
	Interest Interest
	// Progress is called from time to time with the bytes done, as they are in the
	// files; total is -1 if nobody knows it. nil is no hook.
	Progress func(done, total int64)
	// Workers parse at the same time; 0 is one for each core.
	Workers int
}

// Stats say what a scan has seen.
type Stats struct {
	Lines      int64 // all, also those of no interest
	Entries    int64 // given to the caller
	Unanswered int64 // of these, without an answer
	// First and Last are the times of the log's first and last line; zero if it has none.
	First, Last time.Time
	// Problems counts the lines that could not be read, and Told describes the
	// first of them.
	Problems int64
	Told     []Problem
	// Damaged counts those of them at which lines of the audit device were, whole
	// or in part, and Damages describes the first. The last line of a file is not
	// among them while it has no end: Vault may still be writing it.
	Damaged int64
	Damages []Problem
	// Overflow counts requests that were given as unanswered before the end,
	// because too many waited: an answer that came later was given beside them.
	Overflow int64
	// Decoded counts the lines that were of an unusual form, and took longer.
	Decoded int64
}

// maxTold problems are described.
const maxTold = 20

// Problem is a line that could not be read.
type Problem struct {
	File string
	Line int64
	What string

	damaged bool
}

func (p Problem) String() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What) }

// Scan calls fn for every request of interest, in the order of the answers;
// those without any come last. It returns the first error of fn as it is. An
// Entry is valid during the call only.
func Scan(ctx context.Context, o Options, fn func(*Entry) error) (Stats, error) {
	if len(o.Files) == 0 {
		return Stats{}, fmt.Errorf("no file of Vault's audit log is given")
	}
	if o.Stdin == nil {
		o.Stdin = bytes.NewReader(nil)
	}
	sources, err := openAll(o.Files, o.Stdin)
	if err != nil {
		return Stats{}, err
	}
	defer closeAll(sources)
	p := newPipeline(o, sources)
	ctx, cancel := context.WithCancel(ctx)
	defer p.wait.Wait()
	defer cancel()
	p.start(ctx)
	m := &merger{o: o, filter: p.filter, fn: fn, total: total(sources), pending: newPending()}
	err = m.run(ctx, p)
	return m.stats, err
}

func total(sources []*source) (n int64) {
	for _, s := range sources {
		if s.size < 0 {
			return -1
		}
		n += s.size
	}
	return n
}

// pipeline reads chunks in one goroutine and parses them in others. They come
// out in the order in which they were read.
type pipeline struct {
	chunker *chunker
	filter  *filter
	workers int
	work    chan *chunk
	ordered chan *chunk
	free    chan *chunk
	wait    sync.WaitGroup
}

func newPipeline(o Options, sources []*source) *pipeline {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	n := 2*workers + 2
	p := &pipeline{
		filter: newFilter(o.Interest), workers: workers,
		work: make(chan *chunk, n), ordered: make(chan *chunk, n), free: make(chan *chunk, n),
	}
	for range n {
		p.free <- &chunk{done: make(chan struct{}, 1)}
	}
	p.chunker = &chunker{sources: sources, free: p.free}
	return p
}

// start ends when ctx does. No channel ever blocks a sender: there are no more
// chunks than each has places.
func (p *pipeline) start(ctx context.Context) {
	p.chunker.emit = func(c *chunk) bool {
		p.ordered <- c
		p.work <- c
		return ctx.Err() == nil
	}
	p.wait.Go(func() {
		p.chunker.run(ctx)
		close(p.work)
		close(p.ordered)
	})
	for range p.workers {
		p.wait.Go(func() {
			w := newWorker(p.filter)
			for c := range p.work {
				if ctx.Err() == nil {
					w.parse(c)
				}
				c.done <- struct{}{}
			}
		})
	}
}
