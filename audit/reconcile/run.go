package reconcile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"signet/audit/records"
)

// Summary is what was compared, and what came of it.
type Summary struct {
	// LogFrom and LogTo are what Vault's log covers; Replicas, what the records do.
	LogFrom  time.Time         `json:"log_from,omitzero"`
	LogTo    time.Time         `json:"log_to,omitzero"`
	Replicas []records.Replica `json:"replicas"`
	// Signatures are those in Vault's log that ask for a record; Known those of
	// checks and labels, which have none.
	Signatures int `json:"signatures"`
	Known      int `json:"known_signatures"`
	// Declarations are the records of signatures, Canaries among them. Retries were
	// declared again because the first answer was lost or refused.
	Declarations int `json:"declarations"`
	Canaries     int `json:"canaries"`
	Retries      int `json:"retries"`
	// Discarded, Unknown and NoOutcome were handed to nobody: Vault may or may not
	// have signed them.
	Discarded int `json:"discarded"`
	Unknown   int `json:"unknown"`
	NoOutcome int `json:"no_outcome"`
	// NotCovered were issued when the log did not cover it, and are not in it.
	NotCovered int `json:"not_covered"`
	// Accepted are findings of requests that an auditor accepts.
	Accepted int `json:"accepted"`
	// Findings counts them by kind; kinds without any are not in it.
	Findings map[Kind]int `json:"findings"`
	// Notes are sentences about what is no finding, and worth knowing.
	Notes []string `json:"notes"`
}

// Total is how many findings there are.
func (s *Summary) Total() (n int) {
	for _, one := range s.Findings {
		n += one
	}
	return n
}

// Result is what [Run] found. It can be read while Run's show runs.
type Result struct {
	Summary Summary
	book    *book
}

// Each gives the findings of a kind in the order of their times, the first limit
// of them; 0 = all.
func (r *Result) Each(kind Kind, limit int, each func(*Finding) error) error {
	return r.book.each(kind, limit, each)
}

// errNoLog is no comparison: with nothing to judge there would be no findings.
var errNoLog = errors.New("nothing in what was given as Vault's log is a line of an audit device, so there is nothing to compare: was the right file named?")

var errConfig = errors.New("reconcile needs a log, records and keys")

// Run compares, and hands what it found to show; its findings lie in temporary
// files, which are gone when Run returns. Findings are no error.
func Run(ctx context.Context, cfg Config, show func(*Result) error) (err error) {
	cfg.defaults()
	if cfg.Log == nil || len(cfg.Records.Paths) == 0 || len(cfg.Keys) == 0 {
		return errConfig
	}
	dir, err := os.MkdirTemp(cfg.TempDir, "signet-reconcile-")
	if err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &run{cfg: &cfg, dir: dir}
	defer r.close()
	if err := r.all(ctx); err != nil {
		return err
	}
	r.book.sort()
	return show(&Result{Summary: r.summary(), book: r.book})
}

// run is one comparison.
type run struct {
	cfg     *Config
	dir     string
	book    *book
	log     *logSide
	records *recordSide
	join    *join
	judge   *judge
	covers  LogSummary
	read    *records.Summary
	closers []func()
}

func (r *run) close() {
	for _, c := range r.closers {
		c()
	}
}

func (r *run) all(ctx context.Context) error {
	for _, step := range []func(context.Context) error{r.open, r.readLog, r.readRecords, r.compare} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) open(context.Context) error {
	findings, err := newBlobs(r.dir, "findings")
	if err != nil {
		return err
	}
	r.closers = append(r.closers, findings.close)
	r.book = &book{file: findings, kinds: map[Kind][]place{}, more: map[Kind]int{}, most: mostFindings, ids: r.cfg.Accepted, since: r.cfg.Since, until: r.cfg.Until}
	requests, err := newRequests(r.dir)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, requests.file.close)
	r.log = newLogSide(r.cfg, r.dir, r.book, requests, &expectations{hasher: r.cfg.Hasher, hashes: map[string]string{}})
	r.closers = append(r.closers, r.log.clear.close, r.log.hashed.close)
	return nil
}

func (r *run) readLog(ctx context.Context) (err error) {
	r.covers, err = r.cfg.Log.Scan(ctx, func(e *Entry) error { return r.log.entry(ctx, e) })
	if err != nil {
		return fmt.Errorf("reading Vault's log: %w", err)
	}
	if r.covers.From.IsZero() {
		return noLog(r.covers.Notes)
	}
	if err := r.damages(); err != nil {
		return err
	}
	since, until := r.cfg.Since, r.cfg.Until
	if !since.IsZero() && r.covers.To.Before(since) || !until.IsZero() && r.covers.From.After(until) {
		return fmt.Errorf("what was given of Vault's log reaches from %s to %s, and nothing of it is in the time to be judged: give the files of that time",
			r.covers.From.UTC().Format(time.RFC3339), r.covers.To.UTC().Format(time.RFC3339))
	}
	return nil
}

// damages makes findings of what could not be read: a signature may be there.
func (r *run) damages() error {
	const remedy = "what it held is not known: if Vault did not die while it wrote, somebody cut the log. Take it from where it was shipped to"
	for i, d := range r.covers.Damages {
		message := d.What + "; " + remedy
		if more := r.covers.Damaged - int64(len(r.covers.Damages)); i == 0 && more > 0 {
			message += fmt.Sprintf(" (and %d more places, which are not listed)", more)
		}
		if err := r.book.add(&Finding{Kind: DamagedLog, Log: d.Where, Message: message}); err != nil {
			return err
		}
	}
	return nil
}

// noLog says beside it what could not be read.
func noLog(notes []string) error {
	if len(notes) == 0 {
		return errNoLog
	}
	return fmt.Errorf("%w %s", errNoLog, strings.Join(notes, "; "))
}

func (r *run) readRecords(ctx context.Context) error {
	var err error
	if r.records, err = newRecordSide(r.cfg, r.dir, r.book, r.log); err != nil {
		return err
	}
	r.closers = append(r.closers, r.records.letGo)
	in := r.cfg.Records
	in.Problem = r.records.problem
	in.Progress = func(done, total int64) { r.cfg.Progress(ReadingRecords, done, total) }
	if r.read, err = records.Read(ctx, in, func(one *records.Record) error { return r.records.record(ctx, one) }); err != nil {
		return err
	}
	return r.records.finish(ctx)
}

func (r *run) compare(ctx context.Context) error {
	margin := r.cfg.Margin
	r.log.requests.complete()
	r.join = &join{
		cfg: r.cfg, book: r.book, log: r.log, records: r.records, end: r.covers.To,
		covered: span{from: r.covers.From.Add(margin), to: r.covers.To.Add(-margin)},
		stray:   newSpill(r.dir, "stray", signedSize, 0, 1),
	}
	r.judge = &judge{cfg: r.cfg, book: r.book, acts: r.log.acts, expect: r.log.expect, end: r.covers.To, first: r.log.first.from}
	for _, step := range []func(context.Context) error{
		r.join.resolve,
		func(ctx context.Context) error {
			return r.join.items(ctx, sides{r.log.clear, r.records.declared, r.records.anchors})
		},
		r.join.strays,
		func(ctx context.Context) error { return r.join.twice(ctx, r.records.issued) },
		r.judge.all,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("comparing: %w", err)
		}
	}
	return nil
}

func (r *run) summary() Summary {
	rec := r.records
	s := Summary{
		LogFrom: r.covers.From, LogTo: r.covers.To, Replicas: r.read.Replicas,
		Signatures: r.log.signatures, Known: r.log.knowns, Declarations: rec.tokens + rec.canaries, Canaries: rec.canaries,
		Retries: r.join.retries, Discarded: rec.discarded, Unknown: rec.unknown, NoOutcome: rec.noOutcome, NotCovered: r.join.uncovers,
		Accepted: r.book.accepted, Findings: map[Kind]int{}, Notes: []string{},
	}
	if s.Replicas == nil {
		s.Replicas = []records.Replica{} // an empty list, not null
	}
	for kind, places := range r.book.kinds {
		s.Findings[kind] = len(places) + r.book.more[kind]
	}
	if len(r.book.more) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("of each kind the first %d findings are kept, the rest is only counted", mostFindings))
	}
	s.Notes = append(s.Notes, r.covers.Notes...)
	s.Notes = append(s.Notes, r.read.Notes...)
	if failed := r.log.expect.failed; failed != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("Vault could not be asked, so that what is hashed could not be compared with what is expected: %v", failed))
	}
	for _, n := range []struct {
		n    int
		text string
	}{
		{r.join.before, "%d undeclared signatures are older than every record that was given: if records were left out, give them; if there are none, bound what is judged with --since"},
		{r.join.after, "%d undeclared signatures are later than every record that was given: give the records of that time too, or bound what is judged with --until"},
		{r.join.uncovers, "%d records of issued tokens are outside the time that Vault's log covers: they were not looked for"},
		{rec.otherRings, "%d declarations are of rings that this configuration does not have: they were not looked at"},
		{rec.lateOutcomes, "%d batches have an outcome and no declaration: older records were not given, or an earlier one is broken"},
		{r.log.acts.secretIDs, "%d times a secret id was made for Signet's roles"},
		{r.log.acts.snapshots, "%d times Vault's storage was saved as a snapshot, in which the keys are encrypted"},
		{r.judge.blind, "%d times a minimum version was set, and what it was before is not in the log"},
		{r.judge.unsure, "%d findings are for want of a Vault token: with one it could be compared with what `signet vault init` writes"},
	} {
		if n.n > 0 {
			s.Notes = append(s.Notes, fmt.Sprintf(n.text, n.n))
		}
	}
	return s
}
