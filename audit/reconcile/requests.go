package reconcile

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// requests is the list of Vault's requests that signed something, each under a
// number: an item's tuple then needs no more than that.
type requests struct {
	file  *blobs
	n     uint32
	names *names[string] // files, paths and ids that are no UUIDs
	whos  *names[Who]
	// declared has a bit for each request that has an item that was declared.
	declared []atomic.Uint64
}

// requestSize is that of an entry in the file: id, time, who, file, line, path.
const requestSize = 16 + 8 + 4 + 4 + 8 + 4 + 4

func newRequests(dir string) (*requests, error) {
	file, err := newBlobs(dir, "requests")
	if err != nil {
		return nil, err
	}
	return &requests{file: file, names: newNames[string](), whos: newNames[Who]()}, nil
}

// add gives a request its number.
func (r *requests) add(e *Entry) (uint32, error) {
	if r.n == math.MaxUint32 {
		return 0, fmt.Errorf("the log has more than %d requests that sign: reconcile it in pieces", r.n)
	}
	var b [requestSize]byte
	odd := uint32(0)
	if !putUUID(b[:16], e.RequestID) {
		odd = r.names.number(e.RequestID) + 1
	}
	binary.LittleEndian.PutUint64(b[16:], nano(e.Time))
	binary.LittleEndian.PutUint32(b[24:], r.whos.number(e.Who))
	binary.LittleEndian.PutUint32(b[28:], r.names.number(e.File))
	binary.LittleEndian.PutUint64(b[32:], uint64(max(0, e.Line)))
	binary.LittleEndian.PutUint32(b[40:], r.names.number(e.Path))
	binary.LittleEndian.PutUint32(b[44:], odd)
	if _, err := r.file.add(b[:]); err != nil {
		return 0, err
	}
	r.n++
	return r.n - 1, nil
}

// find fills in what a finding tells of a request.
func (r *requests) find(number uint32, f *Finding) error {
	var b [requestSize]byte
	if err := r.file.read(int64(number)*requestSize, b[:]); err != nil {
		return err
	}
	f.Time = at(binary.LittleEndian.Uint64(b[16:]))
	f.Who = r.whos.of(binary.LittleEndian.Uint32(b[24:]))
	f.Log = fmt.Sprintf("%s:%d", r.names.of(binary.LittleEndian.Uint32(b[28:])), binary.LittleEndian.Uint64(b[32:]))
	f.Path = r.names.of(binary.LittleEndian.Uint32(b[40:]))
	f.RequestID = uuid(b[:16])
	if odd := binary.LittleEndian.Uint32(b[44:]); odd > 0 {
		f.RequestID = r.names.of(odd - 1)
	}
	return nil
}

// complete says that there are no more requests to come.
func (r *requests) complete() { r.declared = make([]atomic.Uint64, r.n/64+1) }

// holds notes that a request has an item that was declared. Several may at once.
func (r *requests) holds(number uint32) {
	if !r.hasDeclared(number) {
		r.declared[number/64].Or(1 << (number % 64))
	}
}

func (r *requests) hasDeclared(number uint32) bool {
	return r.declared[number/64].Load()&(1<<(number%64)) != 0
}

// names numbers the values that come again and again. There are few of them
// unless somebody makes many on purpose: then the rest share one.
type names[T comparable] struct {
	numbers map[T]uint32
	all     []T
}

const maxNames = 200_000

func newNames[T comparable]() *names[T] {
	var none T
	return &names[T]{numbers: map[T]uint32{}, all: []T{none}}
}

func (n *names[T]) number(v T) uint32 {
	if i, ok := n.numbers[v]; ok {
		return i
	}
	if len(n.all) >= maxNames {
		return 0
	}
	i := uint32(len(n.all)) //nolint:gosec // G115: at most maxNames
	n.numbers[v] = i
	n.all = append(n.all, v)
	return i
}

func (n *names[T]) of(i uint32) T { return n.all[i] }

// putUUID writes the 16 bytes of a UUID, if s is one as Vault writes it.
func putUUID(b []byte, s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' || s != strings.ToLower(s) {
		return false
	}
	var digits [32]byte
	n := 0
	for i := range len(s) {
		if i != 8 && i != 13 && i != 18 && i != 23 {
			digits[n] = s[i]
			n++
		}
	}
	_, err := hex.Decode(b, digits[:])
	return err == nil
}

func uuid(b []byte) string {
	s := hex.EncodeToString(b)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// nano is a time in a tuple: nanoseconds since 1970.
func nano(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func at(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC() //nolint:gosec // G115: the bits of a time
}
