package packed

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// Counter counts what is read of a file itself, packed or not.
type Counter struct {
	R io.Reader
	N int64 // bytes
}

// Read reads on.
func (c *Counter) Read(b []byte) (int, error) {
	n, err := c.R.Read(b)
	c.N += int64(n)
	return n, err
}

// Open gives the contents of r, unpacked if it is gzip (RFC 1952 section 2.3.1),
// through a buffer of so many bytes, into which can be looked; under is what the
// buffer is filled from. An error is r's, or gzip's about its header.
func Open(r io.Reader, buffer int) (in *bufio.Reader, under io.Reader, err error) {
	in = bufio.NewReaderSize(r, buffer)
	magic, err := in.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	if string(magic) != "\x1f\x8b" {
		return in, r, nil
	}
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking: %w", err)
	}
	return bufio.NewReaderSize(unpacked, buffer), unpacked, nil
}
