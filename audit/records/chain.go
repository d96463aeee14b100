package records

import (
	"fmt"
	"time"

	"signet/audit"
)

// Kind is what is wrong with the records.
type Kind string

// The kinds.
const (
	BrokenChain Kind = "broken_chain"
	BadRecord   Kind = "bad_record"
)

// Problem is one thing that is wrong.
type Problem struct {
	Kind    Kind
	Place   Place
	Replica string    // empty if the line does not say
	Seq     uint64    // 0 if the line does not say
	Time    time.Time // zero if the line does not say
	// What is a sentence: what is wrong, and what to do.
	What string
}

// segment is a run of one replica's records without a break.
type segment struct {
	chain      int
	prev       string // of its first record: empty where a chain begins
	event      audit.Event
	first      Place
	firstSeq   uint64
	firstTime  time.Time
	last       Place
	lastSeq    uint64
	lastTime   time.Time
	head       audit.Hash // of its last record
	before     audit.Hash // of the record before that
	afterLines int        // lines that are no records, between the segment before and this
}

// replica is what is known of one replica's records.
type replica struct {
	name     string
	records  int
	from, to time.Time
	segments []*segment
	current  *segment
	breaks   int  // beyond maxSegments
	chains   *int // counts those of all replicas
	notes    []string
}

// maxSegments bounds what is kept of a replica whose records are in pieces.
const maxSegments = 100_000

// add follows the chain by one record. bad is how many lines before it were no
// records; torn says that they are what a dying process left.
func (p *replica) add(r *Record, bad int, problem func(Problem) error) error {
	p.records++
	if p.from.IsZero() || r.Time.Before(p.from) {
		p.from = r.Time
	}
	if r.Time.After(p.to) {
		p.to = r.Time
	}
	c := p.follow(r)
	if c == nil {
		p.begin(r, bad)
		return nil
	}
	p.current, r.Chain = c, c.chain
	if r.Seq != c.lastSeq+1 && !c.replaced(r) {
		if err := problem(Problem{
			Kind: BrokenChain, Place: r.Place, Replica: p.name, Seq: r.Seq, Time: r.Time,
			What: fmt.Sprintf("record %d follows record %d by its hash and not by its number: no Signet writes that; find out who did", r.Seq, c.lastSeq),
		}); err != nil {
			return err
		}
	}
	c.before, c.head = c.head, r.Hash
	c.last, c.lastSeq, c.lastTime = r.Place, r.Seq, r.Time
	return nil
}

// links says whether r follows the segment.
func (s *segment) links(r *Record) bool {
	return len(r.Prev) > 0 && (r.prev == s.head || s.replaced(r))
}

// replaced says that r takes the place of the segment's last record: that one
// lacked its newline when its process died, so that it counted as torn.
func (s *segment) replaced(r *Record) bool {
	return r.Torn > 0 && r.Seq == s.lastSeq && r.prev == s.before
}

// maxAtOnce is how many chains of a replica may be written at the same time: one
// process may still end in order while the next is there already.
const maxAtOnce = 8

// follow finds the segment that r goes on with; nil if it begins a new one.
func (p *replica) follow(r *Record) *segment {
	if p.current == nil || p.current.links(r) {
		return p.current
	}
	for _, s := range p.segments[max(0, len(p.segments)-maxAtOnce):] {
		if s.links(r) {
			return s
		}
	}
	return nil
}

func (p *replica) begin(r *Record, bad int) {
	if c := p.current; c != nil && len(r.Prev) > 0 && r.Seq > c.lastSeq {
		r.Chain = c.chain // broken, and yet the numbers go on
	} else {
		*p.chains++
		r.Chain = *p.chains
	}
	p.current = &segment{
		chain: r.Chain,
		prev:  string(r.Prev), event: r.Event, first: r.Place, firstSeq: r.Seq, firstTime: r.Time,
		last: r.Place, lastSeq: r.Seq, lastTime: r.Time, head: r.Hash, afterLines: bad,
	}
	if len(p.segments) >= maxSegments {
		p.breaks++
		return
	}
	p.segments = append(p.segments, p.current)
}
