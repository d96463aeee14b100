package journal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/audit"
)

// Config makes a Journal. File, Stdout or both must be given.
type Config struct {
	// Replica names this process in its records; required. It should be the same
	// after a restart, and no other process's.
	Replica string
	// Build is Signet's version, for the start record.
	Build string
	// File is the path of a file to append to; empty for none. It is made with
	// mode 0600 if absent, and locked: one process, one file.
	File string
	// Fsync says when File must be on disk; default EverySecond.
	Fsync Fsync
	// Stdout takes every record too; nil for none.
	Stdout io.Writer
	// Patience is how long a write may take before it counts as failed; default 1s.
	Patience time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Logger is told what cannot be written; default slog.Default().
	Logger *slog.Logger
	// Registerer for the metrics; nil means none.
	Registerer prometheus.Registerer
}

func (c *Config) defaults() {
	if c.Fsync == "" {
		c.Fsync = EverySecond
	}
	if c.Patience <= 0 {
		c.Patience = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Journal keeps the records of one process, as one chain. It is safe for
// concurrent use.
type Journal struct {
	cfg     Config
	metrics *metrics
	file    *file // nil for none
	floods  *floods
	wake    chan struct{} // tells Run of a note

	noting sync.Mutex // guards notes and lost; never held while writing
	notes  []audit.Record
	lost   int // notes that were given up

	mu      sync.Mutex
	sinks   []*sink
	seq     uint64     // of the last record
	head    audit.Hash // of the last record
	begun   bool       // there is a last record
	closed  bool
	failing error          // why the last write failed, nil while it works
	offDisk error          // why the file could not be put on disk, nil once it could
	waiting []audit.Record // to be written first
	given   int            // notes given up that waiting does not tell yet
	buf     []byte
	lines   []byte

	declaring []audit.Record // of one batch, used again
}

// maxNotes bounds what waits to be written while nothing can be. Outcomes are not
// among it: there are as many as requests were out when writing failed.
const maxNotes = 1024

// ErrNotWritten is what Declare fails with: nothing may be signed.
var ErrNotWritten = errors.New("the issuance record cannot be written")

var (
	errNowhere = errors.New("issuance records need a file, standard output or both")
	errReplica = errors.New("the replica needs a name in its issuance records")
	errClosed  = errors.New("the journal is closed")
)

// Open opens the file and begins with a start record. A file that another
// process goes on writing, or that does not end in an issuance record, is an error; one
// that cannot be written just now is not: nothing is signed until it can.
func Open(cfg Config) (*Journal, error) {
	cfg.defaults()
	switch {
	case cfg.Replica == "":
		return nil, errReplica
	case cfg.File == "" && cfg.Stdout == nil:
		return nil, errNowhere
	case !cfg.Fsync.valid():
		return nil, fmt.Errorf("fsync %q: use always, everysec or no", string(cfg.Fsync))
	}
	j := &Journal{cfg: cfg, floods: newFloods(cfg.Now), wake: make(chan struct{}, 1)}
	start := audit.Record{Event: audit.EventStart, Build: cfg.Build}
	if cfg.File != "" {
		f, last, err := openFile(cfg)
		if err != nil {
			return nil, fmt.Errorf("opening the issuance records: %w", err)
		}
		j.file, j.seq, j.head, j.begun, start.Torn = f, last.seq, last.hash, last.found, last.torn
		s := newSink(cfg.File, f, cfg.Patience)
		if last.open {
			s.owe([]byte("\n")) // half a record stays as it is, on a line of its own
		}
		j.sinks = append(j.sinks, s)
	}
	if cfg.Stdout != nil {
		j.sinks = append(j.sinks, newSink("standard output", cfg.Stdout, cfg.Patience))
	}
	j.metrics = newMetrics(j, cfg.Registerer)
	j.Note(start)
	j.flush()
	return j, nil
}

// Note has a record written that no signature waits for: by Run, a moment later,
// or with the next declaration. Who calls it fills in what belongs to the event;
// the rest is done here. It never waits for a write. What cannot be written waits,
// up to a bound; more is counted as lost, and so recorded. A flood of refusals or
// failed authentications is summed up, second by second.
func (j *Journal) Note(r audit.Record) {
	if j.floods.passes(&r) {
		j.note(r)
	}
}

func (j *Journal) note(r audit.Record) {
	r.Time = j.cfg.Now()
	j.noting.Lock()
	if len(j.notes) < maxNotes {
		j.notes = append(j.notes, r)
	} else {
		j.lost++
		j.metrics.lost.Inc()
	}
	j.noting.Unlock()
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// gather takes the notes over. j.mu is held.
func (j *Journal) gather() {
	if len(j.waiting) >= maxNotes {
		return // so that what waits is bounded, and the notes say what is lost
	}
	j.noting.Lock()
	defer j.noting.Unlock()
	j.waiting = append(j.waiting, j.notes...)
	j.notes = j.notes[:0]
	j.given, j.lost = j.given+j.lost, 0
}

// flush writes what waits.
func (j *Journal) flush() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.closed {
		_ = j.settleWaiting() // logged and counted there
	}
}

// settleWaiting writes what waits. j.mu is held.
func (j *Journal) settleWaiting() error {
	j.gather()
	if len(j.waiting) == 0 && j.given == 0 && j.failing == nil {
		return nil
	}
	return j.write(nil)
}

// write appends records to the chain, and before them whatever waits. With an
// error nothing more may rely on them: they are in the chain if any of them was
// written, and then the rest follows as soon as it can. j.mu is held.
func (j *Journal) write(records []audit.Record) (err error) {
	if j.closed {
		return errClosed
	}
	nothing := false
	defer func() {
		if !nothing { // it does not say that anything can be written
			j.settled(err)
		}
	}()
	if err := j.settleOwed(); err != nil {
		return err
	}
	seq, head, begun := j.seq, j.head, j.begun // to return to if nothing is written
	j.lines = j.lines[:0]
	for i := range j.waiting {
		j.link(&j.waiting[i])
	}
	if j.given > 0 {
		j.link(&audit.Record{Event: audit.EventLost, Time: j.cfg.Now(), Count: j.given})
	}
	for i := range records {
		j.link(&records[i])
	}
	if nothing = len(j.lines) == 0; nothing {
		return nil
	}
	for i, s := range j.sinks {
		err := s.write(j.lines)
		if err == nil {
			continue
		}
		err = fmt.Errorf("%w: %s: %w", ErrNotWritten, s.name, err)
		if i == 0 && s.untouched(j.lines) {
			j.seq, j.head, j.begun = seq, head, begun
			return err
		}
		for _, later := range j.sinks[i+1:] {
			later.owe(j.lines)
		}
		j.waiting, j.given, j.lines = j.waiting[:0], 0, nil // the sink may still read the lines
		return err
	}
	j.metrics.written(j.waiting)
	j.metrics.written(records)
	j.waiting, j.given = j.waiting[:0], 0
	return nil
}

// settleOwed writes what is left of records that are in the chain already.
func (j *Journal) settleOwed() error {
	if j.offDisk != nil {
		return j.offDisk
	}
	for _, s := range j.sinks {
		if err := s.settle(); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNotWritten, s.name, err)
		}
	}
	return nil
}

// link makes r the chain's next record and appends its line.
func (j *Journal) link(r *audit.Record) {
	j.seq++
	r.V, r.Seq, r.Replica, r.Prev = audit.Version, j.seq, j.cfg.Replica, ""
	if j.begun {
		r.Prev = j.head.String()
	}
	j.buf = r.Append(j.buf[:0])
	j.head, j.begun = sha256.Sum256(j.buf), true
	j.lines = append(append(j.lines, j.buf...), '\n')
}

// settled says once that writing fails, and once that it works again.
func (j *Journal) settled(err error) {
	switch {
	case err != nil && j.failing == nil:
		j.cfg.Logger.Error("issuance records cannot be written: nothing is signed until they can", "error", err)
	case err == nil && j.failing != nil:
		j.cfg.Logger.Info("issuance records are written again")
	}
	if err != nil {
		j.metrics.failures.Inc()
	}
	j.failing = err
}

// Head is the hash of the last record, and its number.
func (j *Journal) Head() (audit.Hash, uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head, j.seq
}

// Close ends the chain with a stop record, puts the file on disk and lets go of
// it. Head stays what it then is.
func (j *Journal) Close() error {
	j.sumUp(j.cfg.Now().Add(time.Hour)) // all that is left
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.gather()
	stop := [1]audit.Record{{Event: audit.EventStop, Time: j.cfg.Now()}}
	err := j.write(stop[:])
	j.closed = true
	for _, s := range j.sinks {
		s.close()
	}
	if j.file != nil {
		err = errors.Join(err, j.file.close())
	}
	if err != nil {
		return fmt.Errorf("closing the issuance records: %w", err)
	}
	return nil
}

// Run does what falls due without anybody asking, until ctx ends: it writes what
// waits, sums up floods, and puts the file on disk.
func (j *Journal) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			j.Tick()
		case <-j.wake:
			j.flush()
		}
	}
}

// Tick is what Run does each second.
func (j *Journal) Tick() {
	j.sumUp(j.cfg.Now())
	var onDisk error
	if j.file != nil && j.cfg.Fsync == EverySecond {
		onDisk = j.file.sync(everything)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return
	}
	j.offDisk = onDisk
	if onDisk != nil {
		_ = j.write(nil) // logged and counted there
		return
	}
	_ = j.settleWaiting()
}

// sumUp records the floods of the seconds before now.
func (j *Journal) sumUp(now time.Time) {
	for _, r := range j.floods.due(now) {
		j.note(r)
	}
}

// Reopen has the next record go to whatever file then has the name (SIGHUP).
func (j *Journal) Reopen() {
	if j.file != nil {
		j.file.again.Store(true)
	}
}
