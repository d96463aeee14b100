package trace

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"signet/audit"
	"signet/audit/packed"
	"signet/internal/jsonappend"
)

const (
	// maxRecords of one session are shown.
	maxRecords = 10_000
	maxLine    = 32 << 20
)

// files are issuance records, plain or gzip. Each question reads them anew: they
// are found by their bytes, and only what is found is decoded.
type files struct {
	paths    []string
	progress func(done, total int64)
	total    int64
	broken   int64 // lines that were found and are no records
	more     bool  // there are more than maxRecords
}

// openable tells about a missing file before a long search begins.
func (f *files) openable() error {
	for _, path := range f.paths {
		file, err := os.Open(path) //nolint:gosec // G304: the caller names the records to read
		if err != nil {
			return fmt.Errorf("opening issuance records: %w", err)
		}
		info, err := file.Stat()
		_ = file.Close() // it was only looked at
		if err != nil {
			return fmt.Errorf("opening issuance records: %w", err)
		}
		if info.IsDir() {
			return fmt.Errorf("opening issuance records: %s is a directory: name the files in it", path)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s: issuance records are read more than once, so they must be in files", path)
		}
		f.total += info.Size()
	}
	return nil
}

// search calls fn for every record whose line holds one of values as a string.
func (f *files) search(ctx context.Context, values []string, fn func(Record)) error {
	var needles [][]byte
	for _, v := range values {
		if v != "" {
			needles = append(needles, jsonappend.String(nil, v))
		}
	}
	if len(needles) == 0 {
		return nil
	}
	return f.lines(ctx, func(path string, n int64, line []byte) {
		for _, needle := range needles {
			if bytes.Contains(line, needle) {
				f.take(path, n, line, fn)
				return
			}
		}
	})
}

func (f *files) take(path string, n int64, line []byte, fn func(Record)) {
	r := Record{File: path, Line: n}
	if json.Unmarshal(line, &r.Record) != nil || r.V != audit.Version {
		f.broken++
		return
	}
	fn(r)
}

// lines reads all files.
func (f *files) lines(ctx context.Context, fn func(path string, n int64, line []byte)) error {
	var before int64
	for _, path := range f.paths {
		size, err := f.file(ctx, path, before, fn)
		if err != nil {
			return fmt.Errorf("reading issuance records %s: %w", path, err)
		}
		before += size
	}
	return nil
}

func (f *files) file(ctx context.Context, path string, before int64, fn func(path string, n int64, line []byte)) (int64, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the caller names the records to read
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	read := &packed.Counter{R: file}
	in, _, err := packed.Open(read, 1<<20)
	if err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<20), maxLine)
	var n int64
	for lines.Scan() {
		if n++; n%1024 == 0 {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			if f.progress != nil {
				f.progress(before+read.N, f.total)
			}
		}
		fn(path, n, lines.Bytes())
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	} else if err != nil {
		f.broken++ // a packed file that is cut off
	}
	return read.N, nil
}
