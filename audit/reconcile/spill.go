package reconcile

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// spill is a list of tuples of one size, in parts by the first bytes of each:
// those are of a hash, so the parts are about equal, and whatever has the same
// hash is in the same part.
type spill struct {
	dir, name string
	size      int // of a tuple
	level     int // which byte of the hash decides
	parts     []part
}

// part is a list of tuples: the last of them in memory, those before in a file,
// if there are any.
type part struct {
	f   *os.File
	buf []byte
	n   int // tuples
}

// spillBuffer is how much of a part is in memory: what is small needs no files,
// and what is not is written in large pieces.
const spillBuffer = 64 << 10

func newSpill(dir, name string, size, level, parts int) *spill {
	return &spill{dir: dir, name: name, size: size, level: level, parts: make([]part, parts)}
}

func (s *spill) add(tuple []byte) error {
	p := &s.parts[int(tuple[s.level])*len(s.parts)>>8]
	p.n++
	p.buf = append(p.buf, tuple[:s.size]...)
	if len(p.buf) < spillBuffer {
		return nil
	}
	if p.f == nil {
		f, err := os.CreateTemp(s.dir, s.name+"-")
		if err != nil {
			return fmt.Errorf("making a temporary file: %w", err)
		}
		p.f = f
	}
	if _, err := p.f.Write(p.buf); err != nil {
		return fmt.Errorf("writing a temporary file: %w", err)
	}
	p.buf = p.buf[:0]
	return nil
}

// read gives the tuples of a part in the order in which they came.
func (s *spill) read(i int, each func(tuple []byte) error) error {
	p := &s.parts[i]
	written := int64(p.n)*int64(s.size) - int64(len(p.buf))
	var buf []byte
	if written > 0 {
		buf = make([]byte, min(written, int64(spillBuffer/s.size*s.size)))
	}
	for at := int64(0); at < written; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), written-at)]
		if _, err := p.f.ReadAt(buf, at); err != nil {
			return fmt.Errorf("reading a temporary file: %w", err)
		}
		if err := s.tuples(buf, each); err != nil {
			return err
		}
	}
	return s.tuples(p.buf, each)
}

func (s *spill) tuples(b []byte, each func(tuple []byte) error) error {
	for ; len(b) > 0; b = b[s.size:] {
		if err := each(b[:s.size]); err != nil {
			return err
		}
	}
	return nil
}

// drop lets go of a part.
func (s *spill) drop(i int) error {
	f := s.parts[i].f
	s.parts[i] = part{}
	if f == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// close lets go of what is left; the directory is removed by who made it.
func (s *spill) close() {
	for i := range s.parts {
		if s.parts[i].f != nil {
			_ = s.parts[i].f.Close() // it is removed with its directory
		}
	}
}

// split makes a spill of one part, by the next byte of the hash.
func (s *spill) split(i, parts int) (*spill, error) {
	out := newSpill(s.dir, s.name, s.size, s.level+1, parts)
	if err := s.read(i, out.add); err != nil {
		out.close()
		return nil, err
	}
	return out, s.drop(i)
}

// blobs is a file of things that are read again one by one.
type blobs struct {
	f  *os.File
	w  *bufio.Writer
	at int64
}

func newBlobs(dir, name string) (*blobs, error) {
	f, err := os.Create(filepath.Join(dir, name)) //nolint:gosec // G304: in a directory of our own
	if err != nil {
		return nil, fmt.Errorf("making a temporary file: %w", err)
	}
	return &blobs{f: f, w: bufio.NewWriterSize(f, 256<<10)}, nil
}

// add gives the place at which b stands.
func (s *blobs) add(b []byte) (at int64, err error) {
	at = s.at
	n, err := s.w.Write(b)
	s.at += int64(n)
	if err != nil {
		return at, fmt.Errorf("writing a temporary file: %w", err)
	}
	return at, nil
}

// read fills b from a place.
func (s *blobs) read(at int64, b []byte) error {
	if s.w.Buffered() > 0 {
		if err := s.w.Flush(); err != nil {
			return fmt.Errorf("writing a temporary file: %w", err)
		}
	}
	if _, err := s.f.ReadAt(b, at); err != nil {
		return fmt.Errorf("reading a temporary file: %w", err)
	}
	return nil
}

func (s *blobs) close() { _ = s.f.Close() } // it is removed with its directory
