package vaultlog

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"sort"
	"time"

	"signet/audit/packed"
)

// Stdin is the name of standard input among the files of a scan.
const Stdin = "-"

// source is one file of the log, open.
type source struct {
	name  string
	file  *os.File
	size  int64     // compressed; -1 if unknown
	first time.Time // of its first entry; zero if none was found
	head  [32]byte  // SHA-256 of that entry's line
	r     *bufio.Reader
	under io.Reader      // what r reads
	count packed.Counter // of the file, compressed
}

// openAll opens every file before anything is read, and sorts them by their
// first entries: rotated files come in any order.
func openAll(files []string, stdin io.Reader) (all []*source, err error) {
	defer func() {
		if err != nil {
			closeAll(all)
		}
	}()
	for _, name := range files {
		s := &source{name: name, size: -1}
		if name == Stdin {
			s.count.R = stdin
		} else if err := s.open(); err != nil {
			return all, err
		}
		all = append(all, s)
	}
	if err := distinct(all); err != nil {
		return all, err
	}
	for _, s := range all {
		if err := s.begin(); err != nil {
			return all, err
		}
	}
	if err := copies(all); err != nil {
		return all, err
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i].first, all[j].first
		return !a.IsZero() && (b.IsZero() || a.Before(b))
	})
	return all, nil
}

func closeAll(all []*source) {
	for _, s := range all {
		s.close()
	}
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close() // it was only read
	}
}

// distinct refuses a file that is given twice: each of its requests would seem
// to have been made twice.
func distinct(all []*source) error {
	for i, a := range all {
		for _, b := range all[:i] {
			same := a.file == nil && b.file == nil
			if a.file != nil && b.file != nil {
				x, errX := a.file.Stat()
				y, errY := b.file.Stat()
				same = errX == nil && errY == nil && os.SameFile(x, y)
			}
			if same {
				return fmt.Errorf("%s is the same log as %s: give each file once", a.name, b.name)
			}
		}
	}
	return nil
}

// copies refuses one that is a copy of another, packed or not: no two lines of a
// log are the same, for each has a request's id.
func copies(all []*source) error {
	seen := map[[32]byte]string{}
	for _, s := range all {
		if s.first.IsZero() {
			continue
		}
		if other, twice := seen[s.head]; twice {
			return fmt.Errorf("%s begins with the same line as %s: give each log once, for every request in both would count twice", s.name, other)
		}
		seen[s.head] = s.name
	}
	return nil
}

func (s *source) open() error {
	f, err := os.Open(s.name)
	if err != nil {
		return fmt.Errorf("opening Vault's audit log: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory: name the files in it", s.name)
	}
	if err != nil {
		_ = f.Close() // the error at hand says more
		return fmt.Errorf("opening Vault's audit log: %w", err)
	}
	s.file = f
	if info.Mode().IsRegular() {
		s.size = info.Size()
	}
	s.count.R = f
	return nil
}

// peekLen is how far a file is looked into for its first time: a line of a
// batch is much shorter.
const peekLen = 1 << 20

// begin unpacks what is packed, whatever its name, and finds the first time.
func (s *source) begin() error {
	var err error
	if s.r, s.under, err = packed.Open(&s.count, peekLen); err != nil {
		return fmt.Errorf("reading Vault's audit log %s: %w", s.name, err)
	}
	head, _ := s.r.Peek(peekLen) // what is wrong comes again when it is read
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, []byte("\n"))
		if t, at := lineTime(line); at >= 0 {
			if s.first = timeOf(t); !s.first.IsZero() {
				s.head = sha256.Sum256(bytes.TrimSuffix(line, []byte("\r")))
				break
			}
		}
	}
	return nil
}

// next reads on. What was looked at before comes first; the rest is read to
// where it belongs, and not copied once more.
func (s *source) next(b []byte) (int, error) {
	if s.r.Buffered() > 0 {
		return s.r.Read(b) //nolint:wrapcheck // ended does
	}
	return s.under.Read(b) //nolint:wrapcheck // ended does
}
