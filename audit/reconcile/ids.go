package reconcile

import (
	"crypto/rand"
	"encoding/binary"
	"math/bits"
)

// id is what a key's name and what it signed are known by.
type id [16]byte

// short is half an id.
type short [8]byte

func (i id) short() short { return short(i[:8]) }

// ids makes ids: the values of two polynomials modulo 2^61-1 at two points that
// are drawn anew for each run and that nobody sees. That is a universal hash:
// two texts that were written before the run, whoever wrote them, have the same
// id with a chance of about (n/2^61)², n being the length of the longer one
// in words of 7 bytes, and the same half of it with the root of that. It needs a
// fraction of the time of SHA-256, whose strength protects where points are known.
type ids struct{ x, y point }

func newIDs() *ids {
	var seed [16]byte
	_, _ = rand.Read(seed[:]) // never fails
	return &ids{x: newPoint(binary.LittleEndian.Uint64(seed[:8])), y: newPoint(binary.LittleEndian.Uint64(seed[8:]))}
}

// prime is 2^61-1, by which the rest is found without dividing.
const prime = 1<<61 - 1

// point is where a polynomial is evaluated, and its square.
type point struct{ x, square uint64 }

func newPoint(seed uint64) point {
	x := seed%(prime-2) + 2
	return point{x, rest(times(x, x))}
}

// scope is how far the polynomials of a key's values have come with its name.
type scope struct{ p, q uint64 }

// noKey is the scope of what no key signs: jtis and references.
var noKey scope

// under is the scope of a key. The name's length is not 0 as a coefficient, so
// that no text is the other's with zeros before it.
func (h *ids) under(key string) scope {
	name := []byte(key)
	return scope{h.x.words(uint64(len(name))+1, name), h.y.words(uint64(len(name))+1, name)}
}

// of is the id of a value.
func (h *ids) of(in scope, value []byte) (out id) {
	binary.LittleEndian.PutUint64(out[:8], h.x.value(in.p, value))
	binary.LittleEndian.PutUint64(out[8:], h.y.value(in.q, value))
	return out
}

// short is the first half of an id.
func (h *ids) short(in scope, value []byte) (out short) {
	binary.LittleEndian.PutUint64(out[:], h.x.value(in.p, value))
	return out
}

// value goes on with a text, and times the point once more: otherwise the last
// word shows.
func (at *point) value(p uint64, text []byte) uint64 {
	p = at.words(times(p, at.x)+uint64(len(text)), text)
	return rest(times(p, at.x))
}

// words goes on with the words of a text, by two: the second need not wait for
// the first.
func (at *point) words(p uint64, b []byte) uint64 {
	const seven = 1<<56 - 1
	text := b
	for ; len(b) >= 15; b = b[14:] {
		p = times(p, at.square) + times(binary.LittleEndian.Uint64(b)&seven, at.x) + binary.LittleEndian.Uint64(b[7:])&seven
	}
	for ; len(b) >= 8; b = b[7:] {
		p = times(p, at.x) + binary.LittleEndian.Uint64(b)&seven
	}
	if len(text) >= 8 { // up to 7 bytes are left, with others before them
		return times(p, at.x) + binary.LittleEndian.Uint64(text[len(text)-8:])>>(64-8*len(b))
	}
	var last [8]byte
	copy(last[:], b)
	return times(p, at.x) + binary.LittleEndian.Uint64(last[:])
}

// times is a*b modulo prime or a little more, below 2^62+16, for b below 2^61: two
// of them and a word fit in 64 bits.
func times(a, b uint64) uint64 {
	high, low := bits.Mul64(a&prime+a>>61, b)
	return low&prime + (high<<3 | low>>61)
}

func rest(a uint64) uint64 {
	a = a&prime + a>>61
	if a >= prime {
		a -= prime
	}
	return a
}

// table numbers ids from 0, in the order in which they are put into it.
type table struct {
	slots []uint32 // the number and 1; 0 = none
	ids   []id
	mask  uint64
}

// reset makes room for n.
func (t *table) reset(n int) {
	size := 1 << bits.Len(uint(2*n))
	if cap(t.slots) < size {
		t.slots = make([]uint32, size)
	}
	t.slots, t.ids, t.mask = t.slots[:size], t.ids[:0], uint64(size-1) //nolint:gosec // G115: a size is not negative
	clear(t.slots)
}

// slot is where an id is or would be. There are twice as many as ids.
func (t *table) slot(what *id) *uint32 {
	for i := binary.LittleEndian.Uint64(what[8:]); ; i++ {
		s := &t.slots[i&t.mask]
		if *s == 0 || t.ids[*s-1] == *what {
			return s
		}
	}
}

// put gives the number of an id, and whether it was there; no more than n may be put.
func (t *table) put(what *id) (number int, there bool) {
	s := t.slot(what)
	if *s != 0 {
		return int(*s - 1), true
	}
	t.ids = append(t.ids, *what)
	*s = uint32(len(t.ids)) //nolint:gosec // G115: no part has so many
	return len(t.ids) - 1, false
}

// find gives the number of an id.
func (t *table) find(what *id) (number int, there bool) {
	s := *t.slot(what)
	return int(s) - 1, s != 0
}
