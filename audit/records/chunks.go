package records

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"signet/internal/sha256pair"
)

// chunk is a run of lines, read by one goroutine and parsed by another while the
// chain is followed through the chunk before.
type chunk struct {
	buf    []byte
	data   []byte // lines, the last one without its newline where the file has none
	lines  []line // of data, but for empty ones
	count  int    // lines of data
	raw    int64  // bytes of the file so far
	err    error  // what ended the file after this chunk, io.EOF for its end
	long   bool   // in place of data a line that is longer than any record, and not kept
	whole  bool   // its last line has its newline
	memory memory // from one chunk to the next
	done   chan struct{}
}

// line is one line of a chunk.
type line struct {
	record Record
	err    error // why it is no record
	text   []byte
	number int // in the chunk, from 1
	whole  bool
	long   bool
}

const (
	chunkLen = 256 << 10
	// chunkLines bounds what a chunk of very short lines takes when it is parsed.
	chunkLines = 2048
)

// chunker cuts a file into chunks.
type chunker struct {
	in   *stream
	rest []byte // what follows the last chunk
	end  error
}

// fill reads the next chunk.
func (k *chunker) fill(c *chunk) {
	c.data, c.lines, c.count, c.err, c.long, c.whole = nil, c.lines[:0], 0, nil, false, true
	if cap(c.buf) != chunkLen { // new, or of a long line
		c.buf = make([]byte, 0, chunkLen)
	}
	c.buf = append(c.buf[:0], k.rest...)
	k.rest = k.rest[:0]
	for k.end == nil {
		if len(c.buf) == cap(c.buf) {
			if bytes.IndexByte(c.buf, '\n') >= 0 {
				break
			}
			if len(c.buf) >= maxLine {
				k.pass(c)
				break
			}
			c.buf = append(make([]byte, 0, min(2*cap(c.buf), maxLine)), c.buf...)
		}
		var n int
		n, k.end = k.in.next(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+n]
	}
	c.raw = k.in.raw.N
	if !c.long {
		k.cut(c)
	}
	if len(k.rest) == 0 {
		c.err = k.end
	}
}

// cut ends the chunk with a whole line, unless the file ends without one.
func (k *chunker) cut(c *chunk) {
	at := bytes.LastIndexByte(c.buf, '\n') + 1
	if at < len(c.buf) && errors.Is(k.end, io.EOF) {
		at, c.whole = len(c.buf), false
	}
	if n := bytes.Count(c.buf[:at], []byte{'\n'}); n > chunkLines {
		at, c.whole = 0, true
		for range chunkLines {
			at += bytes.IndexByte(c.buf[at:], '\n') + 1
		}
		k.rest = append(k.rest, c.buf[at:]...)
	} else if k.end == nil {
		k.rest = append(k.rest, c.buf[at:]...)
	}
	c.data = c.buf[:at]
}

// pass goes over a line that is longer than any record, and keeps what follows it.
func (k *chunker) pass(c *chunk) {
	c.long, c.whole, c.count = true, false, 1
	for k.end == nil {
		var n int
		c.buf = c.buf[:cap(c.buf)]
		n, k.end = k.in.next(c.buf)
		if at := bytes.IndexByte(c.buf[:n], '\n'); at >= 0 {
			k.rest, c.whole = append(k.rest, c.buf[at+1:n]...), true
			return
		}
	}
}

// parse reads the lines of a chunk.
func (c *chunk) parse(ctx context.Context) {
	if c.long {
		c.lines = append(c.lines, line{err: errNoRecord, number: 1, whole: c.whole, long: true})
		return
	}
	for data := c.data; len(data) > 0 && ctx.Err() == nil; {
		text, rest, whole := bytes.Cut(data, []byte{'\n'})
		data = rest
		c.count++
		if len(text) == 0 {
			continue
		}
		if n := len(c.lines); n < cap(c.lines) {
			c.lines = c.lines[:n+1] // parse leaves nothing of the line before
		} else {
			c.lines = append(c.lines, line{})
		}
		l := &c.lines[len(c.lines)-1]
		l.text, l.number, l.whole, l.long = slices.Clip(text), c.count, whole, false
		l.err = l.record.parse(l.text, &c.memory)
	}
	c.hash()
}

// hash hashes the records, by two: see [sha256pair].
func (c *chunk) hash() {
	var one *Record
	for i := range c.lines {
		switch l := &c.lines[i]; {
		case l.err != nil:
		case one == nil:
			one = &l.record
		default:
			one.Hash, l.record.Hash = sha256pair.Sum(one.Line, l.record.Line)
			one = nil
		}
	}
	if one != nil {
		one.Hash = sum(one.Line)
	}
}
