package records

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"signet/audit"
)

// Config is what [Read] reads.
type Config struct {
	// Paths are the files, plain or gzip, in any order; [Stdin] is one of them.
	// At least one.
	Paths []string
	// Stdin is read where a path is [Stdin].
	Stdin io.Reader
	// Problem gets everything that is wrong, breaks between files at the end; an
	// error ends the reading. nil = nothing is told but the [Summary].
	Problem func(Problem) error
	// Progress hears, now and then, how many bytes of how many were read, packed
	// ones where a file is packed; total is 0 if unknown. nil = nobody does.
	Progress func(done, total int64)
}

// Summary is what was read.
type Summary struct {
	Replicas []Replica // by name
	// Notes are sentences about what is no problem, and worth knowing.
	Notes []string
	// Records can be read; BadLines cannot; Torn are halves of records, which
	// processes left that died while they wrote.
	Records, BadLines, Torn int
	Bytes                   int64 // unpacked
}

// Replica is what was read of one replica.
type Replica struct {
	Name    string `json:"name"`
	Records int    `json:"records"`
	// From and To are the times of its earliest and its latest record.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Intact: its chain has no break.
	Intact bool `json:"intact"`
}

// reader is one run of Read.
type reader struct {
	cfg      Config
	each     func(*Record) error
	sources  []*source
	total    int64
	done     int64 // bytes of files that are read
	replicas map[string]*replica
	chains   int
	recent   *replica
	broken   map[string]bool
	bad      []Problem // lines that are no records, until it is known why
	more     int       // of them beyond maxBad
	badFile  bool      // they do not look like records at all
	out      Summary
}

// maxBad bounds the bad lines in a row that are told one by one.
const maxBad = 1000

var (
	errNoFile = errors.New("no file of issuance records was given")
	errTwice  = errors.New("it has the same records: give each file once, for a record that counts twice would hide a signature")
)

// Read reads all files and calls each for every record that can be read. The
// records of a replica come in the order of their chain as long as its files do
// by the times of their first records. A file that is missing, unreadable or
// given twice is an error before anything is read; an error of each ends it.
func Read(ctx context.Context, cfg Config, each func(*Record) error) (*Summary, error) {
	r := &reader{cfg: cfg, each: each, replicas: map[string]*replica{}, broken: map[string]bool{}}
	if err := r.look(); err != nil {
		return nil, err
	}
	for _, s := range r.sources {
		if err := r.file(ctx, s); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.path, err)
		}
	}
	for _, name := range r.names() {
		if err := r.link(r.replicas[name]); err != nil {
			return nil, err
		}
	}
	return r.summary(), nil
}

// look opens every file once and puts them in order.
func (r *reader) look() error {
	if len(r.cfg.Paths) == 0 {
		return errNoFile
	}
	var problems []error
	seen := map[audit.Hash]string{}
	for i, path := range r.cfg.Paths {
		s := &source{path: path, index: i}
		if path == Stdin && slices.Index(r.cfg.Paths, path) != i {
			problems = append(problems, fmt.Errorf("standard input and standard input: %w", errTwice))
			continue
		}
		if err := s.look(r.cfg.Stdin); err != nil {
			problems = append(problems, err)
			continue
		}
		if other, ok := seen[s.first.record.Hash]; ok && s.first.found {
			problems = append(problems, fmt.Errorf("%s and %s: %w", other, path, errTwice))
		}
		seen[s.first.record.Hash] = path
		r.sources = append(r.sources, s)
		r.total += s.size
		if s.kept != nil {
			r.total = -1 << 62 // never known
		}
	}
	slices.SortStableFunc(r.sources, func(a, b *source) int {
		if a.first.found != b.first.found {
			if a.first.found {
				return -1
			}
			return 1
		}
		return cmp.Or(a.first.record.Time.Compare(b.first.record.Time), cmp.Compare(a.first.record.Seq, b.first.record.Seq))
	})
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("opening the issuance records: %w", err)
	}
	return nil
}

func (r *reader) file(ctx context.Context, s *source) (err error) {
	in, err := s.open(r.cfg.Stdin, chunkLen)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	ahead := newPipeline(ctx, in)
	defer ahead.close()
	number := 0
	for c, err := ahead.next(ctx, nil); ; c, err = ahead.next(ctx, c) {
		if errors.Is(err, io.EOF) {
			return r.leave(true)
		}
		if err != nil {
			return fmt.Errorf("after line %d: %w", number, err)
		}
		r.progress(c.raw)
		for i := range c.lines {
			l := &c.lines[i]
			l.record.Place = Place{File: s.index, Line: number + l.number}
			if err := r.line(l); err != nil {
				return err
			}
		}
		number += c.count
		r.out.Bytes += int64(len(c.data))
		if errors.Is(c.err, io.EOF) {
			r.done += c.raw
		}
	}
}

func (r *reader) progress(here int64) {
	if r.cfg.Progress != nil {
		r.cfg.Progress(r.done+here, max(0, r.total))
	}
}

// line takes one line that is not empty.
func (r *reader) line(l *line) error {
	rec := &l.record
	if l.err != nil && !r.started(l) {
		r.unread(l)
		return nil
	}
	p := r.replica(rec.Replica)
	bad := len(r.bad) + r.more
	if bad > 0 {
		// Half a record before a start is what a process left that died: the start
		// names the record before it, so there was no whole one in between.
		torn := !r.badFile && rec.Event == audit.EventStart && (len(rec.Prev) == 0 || p.current != nil && p.current.links(rec))
		if torn {
			bad = 0
		}
		if err := r.leave(torn); err != nil {
			return err
		}
	}
	if err := p.add(rec, bad, r.problem); err != nil {
		return err
	}
	r.out.Records++
	return r.each(rec)
}

// started finds the start of a process on the line that another left unfinished
// when it died: standard output has no end to begin a new line at.
func (r *reader) started(l *line) bool {
	at := bytes.LastIndex(l.text, []byte(`{"v":`))
	if at <= 0 || l.long || !bytes.HasPrefix(l.text, []byte(`{"v":`)) {
		return false
	}
	if err := l.record.parse(l.text[at:], &memory{}); err != nil || l.record.Event != audit.EventStart || len(l.record.Prev) > 0 {
		return false
	}
	l.record.Hash = sum(l.text[at:])
	r.out.Torn++
	return true
}

// unread keeps a line that is no record until the next record says why.
func (r *reader) unread(l *line) {
	begin := []byte(`{"v":`)
	half := errors.Is(l.err, errNoRecord) && bytes.HasPrefix(l.text, begin) || !l.whole && bytes.HasPrefix(begin, l.text)
	r.badFile = r.badFile || !half
	if len(r.bad) >= maxBad {
		r.more++
		return
	}
	p := Problem{Kind: BadRecord, Place: l.record.Place, What: l.err.Error() + ": find out who wrote it there, and what was there before"}
	if errors.Is(l.err, errVersion) {
		p.What = l.err.Error() + ": use the Signet that wrote it"
	}
	if r.recent != nil {
		p.Time = r.recent.current.lastTime
	}
	r.bad = append(r.bad, p)
}

// leave lets go of the bad lines: torn if they are what a crash leaves.
func (r *reader) leave(torn bool) error {
	bad, more := r.bad, r.more
	torn = torn && !r.badFile
	r.bad, r.more, r.badFile = r.bad[:0], 0, false
	if torn {
		r.out.Torn += len(bad) + more
		return nil
	}
	r.out.BadLines += len(bad) + more
	if more > 0 {
		bad = append(bad, Problem{Kind: BadRecord, Place: bad[len(bad)-1].Place, What: fmt.Sprintf("%d more lines after this one are no issuance records", more)})
	}
	for _, p := range bad {
		if err := r.problem(p); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) problem(p Problem) error {
	if p.Kind == BrokenChain {
		r.broken[p.Replica] = true
	}
	if r.cfg.Problem == nil {
		return nil
	}
	return r.cfg.Problem(p)
}

func (r *reader) replica(name []byte) *replica {
	if r.recent != nil && r.recent.name == string(name) {
		return r.recent
	}
	p, ok := r.replicas[string(name)]
	if !ok {
		p = &replica{name: string(name), chains: &r.chains}
		r.replicas[p.name] = p
	}
	r.recent = p
	return p
}

func (r *reader) names() []string {
	names := make([]string, 0, len(r.replicas))
	for name := range r.replicas {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (r *reader) summary() *Summary {
	out := &r.out
	for _, name := range r.names() {
		p := r.replicas[name]
		out.Replicas = append(out.Replicas, Replica{Name: name, Records: p.records, From: p.from, To: p.to, Intact: !r.broken[name]})
		out.Notes = append(out.Notes, p.notes...)
	}
	if out.Torn > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d halves of records: processes died while they wrote, and what was half written was not signed", out.Torn))
	}
	return out
}

// where is a place as people write it.
func (r *reader) where(p Place) string { return r.cfg.Paths[p.File] + ":" + strconv.Itoa(p.Line) }

func sum(line []byte) audit.Hash { return sha256.Sum256(line) }
