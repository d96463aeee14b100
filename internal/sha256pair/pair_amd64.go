package sha256pair

import (
	"crypto/fips140"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/sys/cpu"
)

// usable says that blocks may be called. AVX2 stands for all that it uses beside
// the SHA instructions, and for the leaf that has their bit.
var usable = cpu.X86.HasAVX2 && leaf7()&(1<<29) != 0 && !fips140.Enabled()

// blocks goes on with two hashes by n blocks each.
//
//go:noescape
func blocks(h1, h2 *state, p1, p2 *byte, n int)

// leaf7 is EBX of CPUID's leaf 7: Intel's manual, volume 2A, CPUID.
func leaf7() (ebx uint32)

// state is a hash on its way.
type state [8]uint32

// initial is the hash value before any text: FIPS 180-4, section 5.3.3.
var initial = state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

// Sum is the SHA-256 of a, and that of b.
func Sum(a, b []byte) (x, y [sha256.Size]byte) {
	if !usable {
		return sha256.Sum256(a), sha256.Sum256(b)
	}
	var endA, endB padded
	one, other := begin(a, &endA), begin(b, &endB)
	for one.more() && other.more() {
		n := min(len(one.text), len(other.text)) / sha256.BlockSize
		blocks(&one.hash, &other.hash, &one.text[0], &other.text[0], n)
		one.pass(n)
		other.pass(n)
	}
	one.alone()
	other.alone()
	return one.sum(), other.sum()
}

// lane is one of the two.
type lane struct {
	hash state
	text []byte // whole blocks that are yet to come
	end  []byte // and what comes after them; nil if it is in text
}

// padded is the end of a text with what FIPS 180-4, section 5.1.1, puts after it.
type padded [2 * sha256.BlockSize]byte

func begin(text []byte, end *padded) lane {
	whole := len(text) / sha256.BlockSize * sha256.BlockSize
	n := copy(end[:], text[whole:])
	end[n] = 0x80
	size := sha256.BlockSize
	if n+1+8 > size {
		size *= 2
	}
	binary.BigEndian.PutUint64(end[size-8:], uint64(len(text))*8)
	return lane{hash: initial, text: text[:whole], end: end[:size]}
}

// more says whether text has a block, if need be that of the end.
func (l *lane) more() bool {
	if len(l.text) == 0 {
		l.text, l.end = l.end, nil
	}
	return len(l.text) > 0
}

func (l *lane) pass(blocks int) { l.text = l.text[blocks*sha256.BlockSize:] }

// alone does what one has more than the other, with nothing of use beside it.
func (l *lane) alone() {
	for l.more() {
		var idle state
		n := len(l.text) / sha256.BlockSize
		blocks(&l.hash, &idle, &l.text[0], &l.text[0], n)
		l.pass(n)
	}
}

func (l *lane) sum() (out [sha256.Size]byte) {
	for i, word := range l.hash {
		binary.BigEndian.PutUint32(out[4*i:], word)
	}
	return out
}
