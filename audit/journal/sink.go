package journal

import (
	"errors"
	"io"
	"time"
)

// errBlocked: a write has not come back. A pipe that nobody reads and a file
// server that is gone do that.
var errBlocked = errors.New("it takes nothing: a write has not come back")

// sink is one place that takes every record. What it did not take of a record
// that is in the chain, it is owed, and gets before anything else. Only one
// write is under way, in a goroutine of its own, and nobody waits for it for
// longer than patience.
type sink struct {
	name     string
	patience time.Duration

	requests chan []byte
	answers  chan taken
	under    []byte // being written, after patience ran out; nobody may change it
	owed     []byte
}

// taken is what a write took.
type taken struct {
	n   int
	err error
}

func newSink(name string, w io.Writer, patience time.Duration) *sink {
	s := &sink{name: name, patience: patience, requests: make(chan []byte), answers: make(chan taken, 1)}
	go func() {
		for b := range s.requests {
			n, err := w.Write(b)
			n = max(0, min(n, len(b)))
			if n < len(b) && err == nil {
				err = io.ErrShortWrite
			}
			if n == len(b) {
				err = nil
			}
			s.answers <- taken{n, err}
		}
	}()
	return s
}

// settle writes what is owed.
func (s *sink) settle() error {
	if s.under != nil {
		select {
		case a := <-s.answers:
			s.owed = append(append([]byte(nil), s.under[a.n:]...), s.owed...)
			s.under = nil
		default:
			return errBlocked
		}
	}
	if len(s.owed) == 0 {
		return nil
	}
	owed := s.owed
	s.owed = nil
	return s.write(owed)
}

// write writes b, and what of it is not taken is owed. Nothing may be owed
// before. After errBlocked b is the sink's for good.
func (s *sink) write(b []byte) error {
	s.requests <- b
	timer := time.NewTimer(s.patience)
	defer timer.Stop()
	select {
	case a := <-s.answers:
		if a.n < len(b) {
			s.owed = append([]byte(nil), b[a.n:]...)
		}
		return a.err
	case <-timer.C:
		s.under = b
		return errBlocked
	}
}

// untouched says that nothing of b was taken by the write that just failed, and
// takes it back.
func (s *sink) untouched(b []byte) bool {
	if s.under != nil || len(s.owed) != len(b) {
		return false
	}
	s.owed = nil
	return true
}

func (s *sink) owe(b []byte) { s.owed = append(s.owed, b...) }

func (s *sink) close() { close(s.requests) }
