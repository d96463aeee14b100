package records

import (
	"fmt"

	"signet/audit"
)

// link judges where the segments of a replica begin, now that all ends are known:
// a rotated file goes on where another one ends, in whatever order they came.
func (r *reader) link(p *replica) error {
	ends := make(map[string]bool, len(p.segments))
	for _, s := range p.segments {
		ends[s.head.String()] = true
	}
	moved := 0
	for i, s := range p.segments {
		if s.prev != "" && ends[s.prev] {
			moved++
			continue
		}
		if s.prev == "" && s.event == audit.EventStart && s.firstSeq == 1 {
			continue
		}
		if i == 0 && s.prev != "" {
			p.notes = append(p.notes, fmt.Sprintf("replica %s: records before number %d were not given (%s)", p.name, s.firstSeq, r.where(s.first)))
			continue
		}
		var before *segment
		if i > 0 {
			before = p.segments[i-1]
		}
		if before.explainedBy(s) {
			continue // each of these lines is a finding itself
		}
		if err := r.problem(Problem{
			Kind: BrokenChain, Place: s.first, Replica: p.name, Seq: s.firstSeq, Time: s.firstTime,
			What: r.gap(before, s),
		}); err != nil {
			return err
		}
	}
	if moved > 0 {
		p.notes = append(p.notes, fmt.Sprintf("replica %s: %d times records were not in the order of their chain, which is whole: files were given or joined in another order", p.name, moved))
	}
	if p.breaks > 0 {
		return r.problem(Problem{
			Kind: BrokenChain, Place: p.current.first, Replica: p.name, Seq: p.current.firstSeq, Time: p.current.firstTime,
			What: fmt.Sprintf("the chain is broken at %d more places", p.breaks),
		})
	}
	return nil
}

// explainedBy says that the lines between the two segments, which are no
// records, are exactly what is missing between them.
func (s *segment) explainedBy(next *segment) bool {
	return s != nil && next.afterLines > 0 && next.prev != "" && s.last.File == next.first.File &&
		next.firstSeq == s.lastSeq+uint64(next.afterLines)+1
}

// gap says what happened between two segments, as far as their numbers tell.
func (r *reader) gap(before, s *segment) string {
	switch {
	case s.prev == "" && s.event != audit.EventStart:
		return fmt.Sprintf("record %d has no record before it, and is not the start of a process: what was before it was taken away, or it was never Signet's; compare with the file's backup", s.firstSeq)
	case s.prev == "":
		return fmt.Sprintf("a process starts anew with record %d, not 1: records were changed; compare with the file's backup", s.firstSeq)
	case s.firstSeq == before.lastSeq+1:
		return fmt.Sprintf("record %d (%s) is not what it was when record %d was written: one of the two was changed; compare with the file's backup, and look for the signatures of both in Vault's log", before.lastSeq, r.where(before.last), s.firstSeq)
	case s.firstSeq > before.lastSeq:
		return fmt.Sprintf("%d records are missing between number %d (%s) and number %d: give the file that has them, or find out who removed them", s.firstSeq-before.lastSeq-1, before.lastSeq, r.where(before.last), s.firstSeq)
	}
	return fmt.Sprintf("record %d comes after record %d (%s) and does not follow it: records are there twice, or a file of another chain is missing; give each file once, and all of them", s.firstSeq, before.lastSeq, r.where(before.last))
}
