package sharedwrite

import (
	"io"
	"sync"
	"time"
)

// Writer gathers what is written to it. It is safe for concurrent use.
type Writer struct {
	to   io.Writer
	wait time.Duration

	mu      sync.Mutex
	lines   []byte
	waiting bool // a flush will come
}

// enough is how much is written at once, in bytes; more never waits.
const enough = 32 << 10

// New writes to a place what came in within wait, whole calls of Write always.
func New(to io.Writer, wait time.Duration) *Writer {
	return &Writer{to: to, wait: wait, lines: make([]byte, 0, enough+4<<10)}
}

// Write keeps a line for at most the wait. An error of the place is not told:
// whoever logs could do nothing about it.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line...)
	if len(w.lines) >= enough {
		w.flush()
	} else if !w.waiting {
		w.waiting = true
		time.AfterFunc(w.wait, w.due)
	}
	return len(line), nil
}

func (w *Writer) due() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = false
	w.flush()
}

// Flush writes what waits.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
}

func (w *Writer) flush() {
	if len(w.lines) > 0 {
		_, _ = w.to.Write(w.lines) // see Write
		w.lines = w.lines[:0]
	}
}
