package records

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"signet/audit/packed"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// maxLine bounds a record; no record comes near it.
const maxLine = 1 << 20

// source is one file to be read.
type source struct {
	path  string
	index int // in Config.Paths
	size  int64
	first first
	kept  *stream // standard input or a pipe, which cannot be opened twice
	pipe  bool
}

// stream is an open source, unpacked.
type stream struct {
	*bufio.Reader

	closers []io.Closer
	raw     *packed.Counter
	under   io.Reader // what Reader reads
}

// next reads on. What was looked at before comes first; the rest is read to
// where it belongs, and not copied once more.
func (s *stream) next(b []byte) (int, error) {
	if s.Buffered() > 0 {
		return s.Read(b) //nolint:wrapcheck // pipeline.next's caller says where
	}
	return s.under.Read(b) //nolint:wrapcheck // likewise
}

func (s *stream) Close() error {
	var all error
	for _, c := range s.closers {
		all = errors.Join(all, c.Close())
	}
	return all
}

// open opens a path; gzip is known by its first bytes. So much can be peeked at.
func (s *source) open(stdin io.Reader, buffer int) (*stream, error) {
	if s.kept != nil {
		return s.kept, nil
	}
	out := &stream{raw: &packed.Counter{R: stdin}}
	if s.path != Stdin {
		f, err := os.Open(s.path)
		if err != nil {
			return nil, err
		}
		out.closers = []io.Closer{f}
		info, err := f.Stat()
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s: it is a directory: name the files in it", s.path)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		s.size, s.pipe = info.Size(), !info.Mode().IsRegular()
		out.raw.R = f
	} else if stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	var err error
	if out.Reader, out.under, err = packed.Open(out.raw, buffer); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.path, err), out.Close())
	}
	return out, nil
}

// first is the first record of a file, by which files are put in order.
type first struct {
	record Record
	found  bool
}

// look reads the beginning of a file, so that whatever cannot be read is told
// before anything is, and finds its first record.
func (s *source) look(stdin io.Reader) error {
	in, err := s.open(stdin, maxLine)
	if err != nil {
		return err
	}
	head, err := in.Peek(maxLine)
	if err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(fmt.Errorf("%s: %w", s.path, err), in.Close())
	}
	for line := range bytes.Lines(head) {
		text := bytes.Clone(bytes.TrimSuffix(line, []byte{'\n'}))
		if s.first.record.parse(text, &memory{}) == nil {
			s.first.record.Hash = sum(text)
			s.first.found = true
			break
		}
	}
	if s.path == Stdin || s.pipe {
		s.kept = in
		return nil
	}
	return in.Close()
}
