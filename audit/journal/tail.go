package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"signet/audit"
)

// tail is the end of a file of records.
type tail struct {
	found bool
	seq   uint64
	hash  audit.Hash
	torn  int  // bytes of a record whose writer died
	open  bool // the last line, whole or torn, lacks its newline
}

// maxLine is longer than any record: 4 KiB of claims make an input of 8.
const maxLine = 1 << 20

var errForeign = errors.New("it does not end in an issuance record: move it away, or name another file")

// readTail finds the last record. Half a record at the end is what a crash
// leaves; anything else that is no record is somebody else's file.
func readTail(f io.ReaderAt) (tail, error) {
	size, err := sizeOf(f)
	if err != nil || size == 0 {
		return tail{}, err
	}
	from := max(0, size-2*maxLine)
	b := make([]byte, size-from)
	if _, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return tail{}, fmt.Errorf("reading its end: %w", err)
	}
	rest, last, whole := b, b, false
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		rest, last, whole = b[i+1:], b[:i], true
	}
	if len(rest) > 0 {
		// A record without its newline is one all the same.
		if t, err := tailOf(rest); err == nil {
			t.open = true
			return t, nil
		}
	}
	if !whole {
		if from > 0 || !bytes.HasPrefix(rest, []byte(`{"v":`)) {
			return tail{}, errForeign
		}
		return tail{torn: len(rest), open: true}, nil
	}
	t, err := lastRecord(last)
	t.torn, t.open = len(rest), len(rest) > 0
	return t, err
}

// lastRecord passes over torn lines after which no start record came, because
// the next process could not write one either.
func lastRecord(b []byte) (tail, error) {
	for len(b) > 0 {
		line := b
		i := bytes.LastIndexByte(b, '\n')
		if line = b[i+1:]; len(line) > 0 {
			t, err := tailOf(line)
			if err == nil || !bytes.HasPrefix(line, []byte(`{"v":`)) {
				return t, err
			}
		}
		if i < 0 {
			return tail{}, nil
		}
		b = b[:i]
	}
	return tail{}, nil
}

func tailOf(line []byte) (tail, error) {
	var r audit.Record
	if err := json.Unmarshal(line, &r); err != nil || r.V != audit.Version || r.Seq == 0 {
		return tail{}, errForeign
	}
	return tail{found: true, seq: r.Seq, hash: sha256.Sum256(line)}, nil
}

func sizeOf(f io.ReaderAt) (int64, error) {
	s, ok := f.(io.Seeker)
	if !ok {
		return 0, errForeign
	}
	return s.Seek(0, io.SeekEnd)
}
