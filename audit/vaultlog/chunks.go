package vaultlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

const (
	chunkLen = 1 << 20
	// MaxLine is the longest line that is read. A longer one is a [Problem].
	MaxLine = 32 << 20
)

// chunk is a piece of a file that ends with a line, and what was found in it.
type chunk struct {
	buf  []byte
	data []byte // whole lines

	source *source
	read   int64  // of all files, compressed, when this chunk was read
	fault  string // what is wrong where this chunk begins; it holds no lines then
	err    error  // reading failed

	found
	done chan struct{} // takes one value when it is parsed
}

// chunker cuts the sources into chunks.
type chunker struct {
	sources []*source
	free    chan *chunk
	emit    func(*chunk) bool // false ends it
	before  int64             // bytes of the sources that are done
	rest    []byte            // the beginning of a line whose end is not read yet
}

func (k *chunker) run(ctx context.Context) {
	for _, s := range k.sources {
		if !k.source(ctx, s) {
			return
		}
		k.before += s.count.N
		s.close()
		s.r, s.under = nil, nil // the buffer is large
	}
}

func (k *chunker) source(ctx context.Context, s *source) bool {
	k.rest = k.rest[:0]
	for {
		c := k.take(ctx, s)
		if c == nil {
			return false
		}
		end, err := k.fill(c)
		c.read = k.before + s.count.N
		switch {
		case err != nil:
			c.err = err
			k.emit(c)
			return false
		case c.fault == "" && len(c.data) == 0:
			k.free <- c
		case !k.emit(c):
			return false
		}
		if end != nil {
			return k.ending(ctx, s, end)
		}
	}
}

// ending tells why a packed source ended before its end.
func (k *chunker) ending(ctx context.Context, s *source, end error) bool {
	if errors.Is(end, io.EOF) {
		return true
	}
	c := k.take(ctx, s)
	if c == nil {
		return false
	}
	c.read = k.before + s.count.N
	c.fault = fmt.Sprintf("the packed file is damaged here (%v): nothing after this was read", end)
	return k.emit(c)
}

func (k *chunker) take(ctx context.Context, s *source) *chunk {
	select {
	case c := <-k.free:
		if cap(c.buf) > 4*chunkLen { // of a very long line
			c.buf = nil
		}
		if c.buf == nil {
			c.buf = make([]byte, 0, chunkLen)
		}
		c.reset()
		c.source, c.data, c.fault, c.err, c.read = s, nil, "", nil, 0
		return c
	case <-ctx.Done():
		return nil
	}
}

// fill reads until there is a whole line, and keeps what follows the last one.
// end says that the source has ended, and how.
func (k *chunker) fill(c *chunk) (end, err error) {
	buf := append(c.buf[:0], k.rest...)
	k.rest = k.rest[:0]
	for end == nil {
		if len(buf) == cap(buf) {
			if at := bytes.LastIndexByte(buf, '\n'); at >= 0 {
				break
			}
			if len(buf) > MaxLine {
				return k.tooLong(c, buf)
			}
			buf = append(make([]byte, 0, min(2*len(buf), MaxLine+1)), buf...)
		}
		var n int
		n, err = c.source.next(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if end, err = c.source.ended(err); err != nil {
			return nil, err
		}
	}
	c.buf, c.data = buf, buf
	if end == nil {
		at := bytes.LastIndexByte(buf, '\n') + 1
		c.data = buf[:at]
		k.rest = append(k.rest, buf[at:]...)
	}
	return end, nil
}

// tooLong drops a line, and keeps what follows it.
func (k *chunker) tooLong(c *chunk, buf []byte) (end, err error) {
	c.buf, c.lines = buf, 1
	c.fault = fmt.Sprintf("a line of more than %d MiB was not read", MaxLine>>20)
	for {
		n, readErr := c.source.next(buf[:chunkLen])
		if at := bytes.IndexByte(buf[:n], '\n'); at >= 0 {
			k.rest = append(k.rest, buf[at+1:n]...)
			return nil, nil // an error comes again with the next read
		}
		if end, err = c.source.ended(readErr); end != nil || err != nil {
			return end, err
		}
	}
}

// ended tells the end of a source, also the early one of a packed one, from an
// error that makes the outcome of all worthless.
func (s *source) ended(readErr error) (end, err error) {
	switch {
	case readErr == nil:
		return nil, nil
	case errors.Is(readErr, io.EOF), damaged(readErr):
		return readErr, nil
	}
	return nil, fmt.Errorf("reading Vault's audit log %s: %w", s.name, readErr)
}

// damaged tells what is wrong with a packed file from what is wrong with the disk.
func damaged(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) ||
		errors.As(err, &corrupt)
}
