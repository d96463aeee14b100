package reconcile

import (
	"slices"

	"signet/audit"
	"signet/audit/records"
)

// batches are those of a chain whose outcome is not there yet.
type batches struct {
	replica string
	open    map[uint64]*batch
	order   []*batch // the oldest first
}

// maxOpen bounds how many batches of a chain wait for their outcome. Two a
// ring are out at a time; the others will never have one.
const maxOpen = 4096

// find is nil if the batch is not open. Most records are of the batch that was
// opened last.
func (b *batches) find(number uint64) *batch {
	if n := len(b.order); n > 0 && b.order[n-1].number == number {
		return b.order[n-1]
	}
	return b.open[number]
}

func (b *batches) add(one *batch) {
	b.open[one.number] = one
	b.order = append(b.order, one)
}

func (b *batches) forget(one *batch) {
	delete(b.open, one.number)
	if i := slices.Index(b.order, one); i >= 0 {
		b.order = slices.Delete(b.order, i, i+1)
	}
}

// batch is a list of declarations, used again when it is settled.
type batch struct {
	number uint64
	items  []pending
	text   []byte // of all items
}

// pending is a declaration whose outcome is not known yet.
type pending struct {
	declaration

	place       records.Place
	seq         uint64
	jtiID       short
	jti, client cut
	// as text, where the log is hashed, and of a canary
	ring, input, prev cut
}

// cut is a piece of a batch's text.
type cut struct{ from, to int }

func (s *recordSide) newBatch(number uint64) *batch {
	one := &batch{}
	if n := len(s.free); n > 0 {
		one, s.free = s.free[n-1], s.free[:n-1]
	}
	one.number, one.items, one.text = number, one.items[:0], one.text[:0]
	return one
}

// reuse keeps a batch that is settled for the next one, unless many are kept or
// it is large.
func (s *recordSide) reuse(one *batch) {
	if len(s.free) < 64 && cap(one.items) <= 1024 && cap(one.text) <= 256<<10 {
		s.free = append(s.free, one)
	}
}

// add begins a declaration: all but its id.
func (b *batch) add(r *records.Record) *pending {
	b.items = append(b.items, pending{
		declaration: declaration{
			time: nano(r.Time), canary: r.Event == audit.EventCanary,
			version: uint32(max(0, r.KeyVersion)), //nolint:gosec // G115: nine digits at most are a version
		},
		place: r.Place, seq: r.Seq, jti: b.keep(r.JTI), client: b.keep(r.ClientID),
	})
	return &b.items[len(b.items)-1]
}

func (b *batch) keep(text []byte) cut {
	from := len(b.text)
	b.text = append(b.text, text...)
	return cut{from, len(b.text)}
}

func (b *batch) bytes(c cut) []byte { return b.text[c.from:c.to] }

func (b *batch) string(c cut) string { return string(b.bytes(c)) }
