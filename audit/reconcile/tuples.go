package reconcile

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// signed is an item of Vault's log.
type signed struct {
	id         id
	reference  short
	time       uint64 // of the answer
	request    uint32
	index      uint32
	version    uint32 // 0 if the log does not tell
	unanswered bool
}

const (
	signedSize    = 16 + 8 + 4 + 4 + 4 + 8
	unansweredBit = 1 << 31 // of the index
)

func (s *signed) put(b *[signedSize]byte) {
	copy(b[:16], s.id[:])
	copy(b[16:24], s.reference[:])
	index := s.index
	if s.unanswered {
		index |= unansweredBit
	}
	binary.LittleEndian.PutUint32(b[24:], s.request)
	binary.LittleEndian.PutUint32(b[28:], index)
	binary.LittleEndian.PutUint32(b[32:], s.version)
	binary.LittleEndian.PutUint64(b[36:], s.time)
}

func (s *signed) get(b []byte) {
	s.id, s.reference = id(b[:16]), short(b[16:24])
	index := binary.LittleEndian.Uint32(b[28:])
	s.request, s.index, s.version = binary.LittleEndian.Uint32(b[24:]), index&^unansweredBit, binary.LittleEndian.Uint32(b[32:])
	s.unanswered = index&unansweredBit != 0
	s.time = binary.LittleEndian.Uint64(b[36:])
}

// declaration is an item of the records.
type declaration struct {
	id             id
	time           uint64
	detail         int64 // in the details
	version        uint32
	canary, issued bool
}

const declarationSize = 16 + 8 + 8 + 4

func (d *declaration) put(b *[declarationSize]byte) {
	copy(b[:16], d.id[:])
	detail := uint64(d.detail) << 2 //nolint:gosec // G115: a place in a file is not negative
	if d.canary {
		detail |= 1
	}
	if d.issued {
		detail |= 2
	}
	binary.LittleEndian.PutUint64(b[16:], d.time)
	binary.LittleEndian.PutUint64(b[24:], detail)
	binary.LittleEndian.PutUint32(b[32:], d.version)
}

func (d *declaration) get(b []byte) {
	d.id = id(b[:16])
	d.time = binary.LittleEndian.Uint64(b[16:])
	detail := binary.LittleEndian.Uint64(b[24:])
	d.detail = int64(detail >> 2)
	d.version = binary.LittleEndian.Uint32(b[32:])
	d.canary, d.issued = detail&1 != 0, detail&2 != 0
}

// anchor is a reference that a canary may have in Vault's log.
type anchor struct {
	id        id
	reference short
}

const anchorSize = 16 + 8

func (a *anchor) put(b *[anchorSize]byte) {
	copy(b[:16], a.id[:])
	copy(b[16:], a.reference[:])
}

// alias says which declared item a hashed input in the log is: 16 bytes each.
const aliasSize = 32

// issue is a token that was issued: of its jti, its item and detail. Two of one
// jti are told by their details, for half an id is no proof.
type issue struct {
	jti    short
	item   short
	detail int64
}

const issueSize = 8 + 8 + 8

func (i *issue) put(b *[issueSize]byte) {
	copy(b[:8], i.jti[:])
	copy(b[8:16], i.item[:])
	binary.LittleEndian.PutUint64(b[16:], uint64(i.detail)) //nolint:gosec // G115: a place in a file is not negative
}

func (i *issue) get(b []byte) {
	i.jti, i.item = short(b[:8]), short(b[8:16])
	i.detail = int64(binary.LittleEndian.Uint64(b[16:])) //nolint:gosec // G115: put from an int64
}

// id is where the jti stands in a table.
func (i *issue) id() (out id) {
	copy(out[:8], i.jti[:])
	// The first bytes have chosen the part, so that they say little in it.
	binary.LittleEndian.PutUint64(out[8:], bits.RotateLeft64(binary.LittleEndian.Uint64(i.jti[:]), 32))
	return out
}

// span is from the first to the last time seen.
type span struct{ from, to time.Time }

func (s *span) include(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.from.IsZero() || t.Before(s.from) {
		s.from = t
	}
	if t.After(s.to) {
		s.to = t
	}
}
