package vaultlog

import "bytes"

// Fields is what a parser reads from a line, for comparison.
type Fields = fields

// Fast parses a line by hand, if it can.
func Fast(line []byte) (*Fields, bool) {
	var f fields
	ok := f.fast(line)
	return &f, ok
}

// Slow parses a line by encoding/json.
func Slow(line []byte) (*Fields, error) {
	var f fields
	err := f.slow(line)
	return &f, err
}

// Tail reads a request's line from its end, if it can.
func Tail(line []byte) (*Fields, bool) {
	var f fields
	ok := f.tail(bytes.Clone(line))
	return &f, ok
}

// Kind of the line.
func (f *fields) Kind() string { return string(f.kind) }

// HasRequest says that the line has a request.
func (f *fields) HasRequest() bool { return f.hasRequest }

// Head is what a request's end tells.
func (f *fields) Head() [5]string {
	return [5]string{string(f.time), string(f.id), string(f.operation), string(f.path), string(f.namespace)}
}

// MaxPending bounds what waits.
const MaxPending = maxPending

// ChunkLen is the size of the pieces that are parsed apart.
const ChunkLen = chunkLen

// Normal drops the difference between a list without elements and none.
func (f *fields) Normal() fields {
	n := *f
	if len(n.request.inputs) == 0 {
		n.request.inputs = nil
	}
	if len(n.response.results) == 0 {
		n.response.results = nil
	}
	return n
}
