package vaultlog

import (
	"context"
	"time"
)

// merger takes the chunks in their order and hands out what is in them.
type merger struct {
	o       Options
	filter  *filter
	fn      func(*Entry) error
	total   int64
	stats   Stats
	pending *pending
	empties empties

	source *source
	lines  int64 // of the source, before the chunk at hand
}

func (m *merger) run(ctx context.Context, p *pipeline) error {
	for c := range p.ordered {
		<-c.done
		if err := ctx.Err(); err != nil {
			return err
		}
		if c.err != nil {
			return c.err
		}
		if err := m.chunk(c); err != nil {
			return err
		}
		p.free <- c
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, one := range m.pending.all() {
		if err := m.unanswered(one); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) chunk(c *chunk) error {
	if m.source != c.source {
		m.source, m.lines = c.source, 0
	}
	if c.fault != "" {
		p := Problem{File: c.source.name, Line: m.lines + 1, What: c.fault, damaged: true}
		m.stats.Problems++
		m.stats.Damaged++
		m.stats.Told, m.stats.Damages = append(m.stats.Told, p), append(m.stats.Damages, p) // always: it may be about all the rest
	}
	m.stats.Damaged += c.damaged
	m.stats.Problems += c.bad - int64(len(c.problems))
	for _, p := range c.problems {
		p.File, p.Line = c.source.name, p.Line+m.lines
		m.problem(p)
	}
	for i := range c.entries {
		e := &c.entries[i]
		e.File, e.Line = c.source.name, e.Line+m.lines
		m.empties.judge(e)
		m.stats.Entries++
		if err := m.fn(e); err != nil {
			return err
		}
	}
	if err := m.waiting(c); err != nil {
		return err
	}
	m.lines += c.lines
	m.stats.Lines += c.lines
	m.stats.Decoded += c.decoded
	m.stats.covers(c.first, c.last)
	if m.o.Progress != nil {
		m.o.Progress(c.read, m.total)
	}
	return nil
}

// waiting keeps the requests whose answers are yet to come.
func (m *merger) waiting(c *chunk) error {
	for _, id := range c.answered {
		m.pending.drop(id)
	}
	for _, a := range c.unanswered {
		m.pending.add(c.source.name, m.lines, a)
	}
	for one := m.pending.excess(); one != nil; one = m.pending.excess() {
		m.stats.Overflow++
		if err := m.unanswered(one); err != nil {
			return err
		}
	}
	return nil
}

// unanswered gives a request that has no answer.
func (m *merger) unanswered(one *waiting) error {
	w := newWorker(m.filter)
	var c chunk
	if what := w.read(&c, one.text); what != "" {
		m.stats.Damaged++
		m.problem(Problem{File: one.file, Line: one.line, What: what, damaged: true})
		return nil
	}
	below, _ := m.filter.match(w.fields.namespace, w.fields.path)
	var e Entry
	w.entry(&e, below, nil)
	e.File, e.Line = one.file, one.line
	m.stats.Entries++
	m.stats.Unanswered++
	return m.fn(&e)
}

func (m *merger) problem(p Problem) {
	m.stats.Problems++
	if len(m.stats.Told) < maxTold {
		m.stats.Told = append(m.stats.Told, p)
	}
	if p.damaged && len(m.stats.Damages) < maxTold {
		m.stats.Damages = append(m.stats.Damages, p)
	}
}

func (s *Stats) covers(first, last time.Time) {
	if !first.IsZero() && (s.First.IsZero() || first.Before(s.First)) {
		s.First = first
	}
	if last.After(s.Last) {
		s.Last = last
	}
}
