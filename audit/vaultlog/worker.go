package vaultlog

import (
	"bytes"
	"slices"
	"time"
)

// found is what a worker finds in a chunk. Lines count from 1 within it.
type found struct {
	lines       int64
	decoded     int64
	first, last time.Time
	entries     []Entry
	items       []Item
	problems    []Problem
	unanswered  []asked  // requests whose answer is not in this chunk
	answered    []string // ids of answers whose request is not in this chunk
	bad         int64    // problems, also those that are not told
	damaged     int64    // and those of them where lines of the device were
}

// asked is a request's line.
type asked struct {
	id   string
	text []byte
	line int64
}

func (f *found) reset() {
	clear(f.entries) // they hold on to what was decoded apart
	clear(f.items)
	*f = found{
		entries: f.entries[:0], items: f.items[:0], problems: f.problems[:0],
		unanswered: f.unanswered[:0], answered: f.answered[:0],
	}
}

// worker parses chunks.
type worker struct {
	maker
	waiting map[string]int // index in unanswered
	open    bool           // the line has no end yet
}

func newWorker(f *filter) *worker {
	return &worker{maker: *newMaker(f), waiting: map[string]int{}}
}

func (w *worker) parse(c *chunk) {
	if c.fault != "" || c.err != nil {
		return
	}
	clear(w.waiting)
	w.all(c)
	c.unanswered = slices.DeleteFunc(c.unanswered, func(a asked) bool { return a.text == nil })
	c.coverage()
}

func (w *worker) all(c *chunk) {
	for data := c.data; len(data) > 0; {
		line := data
		if at := bytes.IndexByte(data, '\n'); at >= 0 {
			line, data = data[:at], data[at+1:]
		} else {
			data, w.open = nil, true
		}
		c.lines++
		w.line(c, line, c.lines)
		w.open = false
	}
}

// lineLen is the length of the first line, its newline included.
func lineLen(data []byte) int {
	if at := bytes.IndexByte(data, '\n'); at >= 0 {
		return at + 1
	}
	return len(data)
}

func (w *worker) line(c *chunk, line []byte, n int64) {
	if len(line) == 0 {
		return
	}
	f := &w.fields
	if !f.tail(line) {
		if what := w.read(c, line); what != "" {
			w.bad(c, Problem{Line: n, What: what, damaged: what == torn && !w.open})
			return
		}
	}
	below, ok := w.filter.match(f.namespace, f.path)
	switch {
	case !ok:
	case string(f.kind) == kindResponse:
		w.answer(c, below, n)
	case string(f.path) != deviceTest:
		w.waiting[string(f.id)] = len(c.unanswered)
		c.unanswered = append(c.unanswered, asked{id: string(f.id), text: line, line: n})
	}
}

func (w *worker) bad(c *chunk, p Problem) {
	if p.damaged {
		c.damaged++
	}
	if c.bad++; c.bad <= maxTold {
		c.problems = append(c.problems, p)
	}
}

// deviceTest is the path of the line that Vault writes to see whether a new
// device works. It never has an answer.
const deviceTest = "sys/audit/test"

// read parses a line and says what is wrong with it.
func (w *worker) read(c *chunk, line []byte) string {
	f := &w.fields
	if !f.fast(line) {
		c.decoded++
		if err := f.slow(line); err != nil {
			return notJSON(line)
		}
	}
	kind := string(f.kind)
	if !f.hasRequest || len(f.id) == 0 || kind != kindRequest && kind != kindResponse {
		return "JSON, but no line of Vault's audit log"
	}
	return ""
}

const torn = "the line is torn: it is no whole JSON"

func notJSON(line []byte) string {
	switch {
	case bytes.HasPrefix(line, []byte(`{"`)):
		return torn
	case bytes.Contains(line, []byte(`{"`)):
		return "something stands before the line's JSON: another program's line, or a device with a prefix"
	}
	return "no JSON"
}

func (w *worker) answer(c *chunk, below []byte, n int64) {
	if at, ok := w.waiting[string(w.fields.id)]; ok {
		c.unanswered[at].text = nil
	} else {
		c.answered = append(c.answered, string(w.fields.id))
	}
	c.entries = append(c.entries, Entry{})
	e := &c.entries[len(c.entries)-1]
	c.items = w.entry(e, below, c.items)
	e.Line = n
}

// coverage finds the times of the first and the last line that have one.
func (c *chunk) coverage() {
	for data := c.data; len(data) > 0 && c.first.IsZero(); {
		n := lineLen(data)
		c.first = endTime(data[:n])
		data = data[n:]
	}
	for data := c.data; len(data) > 0 && c.last.IsZero(); {
		at := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
		c.last = endTime(data[at:])
		data = data[:at]
	}
}

func endTime(line []byte) time.Time {
	t, _ := lineTime(bytes.TrimSuffix(line, []byte("\n")))
	return timeOf(t)
}
