package journal

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Fsync says when records must be on disk, in the words of Redis's appendfsync.
type Fsync string

// The choices. A process that dies loses nothing by any of them; a machine that
// dies loses what was not on disk, and `signet audit reconcile` then finds its
// signatures undeclared.
const (
	// Always: before Vault is asked. Batches share one fsync.
	Always Fsync = "always"
	// EverySecond: at most a second later.
	EverySecond Fsync = "everysec"
	// Never: when the operating system likes.
	Never Fsync = "no"
)

func (f Fsync) valid() bool { return f == Always || f == EverySecond || f == Never }

// file appends to the file of a name, and follows the name: a renamed file is let
// go, at the latest a second later. Write, and what it calls, runs in one
// goroutine.
type file struct {
	path  string
	now   func() time.Time
	log   func(msg string, args ...any)
	looks time.Time   // the last look at the name
	again atomic.Bool // look before the next write

	f       *os.File     // replaced by Write, under syncing
	written atomic.Int64 // bytes

	syncing sync.Mutex // one at a time; guards synced
	synced  int64      // of what was written
	lost    int64      // so far it was not, when an fsync failed
}

var (
	errNotRegular = errors.New("it is not a regular file")
	errLocked     = errors.New("another process writes to it: give each replica a file of its own")
)

// openFile opens or makes the file, and finds its last record.
func openFile(cfg Config) (*file, tail, error) {
	f, err := openLocked(cfg.File)
	// A process that was just killed may hold its lock for a moment, and whoever
	// watches over it starts the next one at once.
	for deadline := time.Now().Add(3 * cfg.Patience); errors.Is(err, errLocked) && time.Now().Before(deadline); {
		time.Sleep(min(50*time.Millisecond, cfg.Patience))
		f, err = openLocked(cfg.File)
	}
	if err != nil {
		return nil, tail{}, err
	}
	last, err := readTail(f)
	if err != nil {
		return nil, tail{}, errors.Join(fmt.Errorf("%s: %w", cfg.File, err), f.Close())
	}
	return &file{path: cfg.File, now: cfg.Now, log: cfg.Logger.Warn, looks: cfg.Now(), f: f}, last, nil
}

func openLocked(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o600) //nolint:gosec // G304: the operator names it. Non-blocking, not to hang on a FIFO
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, errNotRegular)
	}
	if err == nil {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			err = fmt.Errorf("%s: %w", path, errLocked)
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Write appends b as far as it can.
func (f *file) Write(b []byte) (int, error) {
	if now := f.now(); f.again.Swap(false) || now.Sub(f.looks) >= time.Second || now.Before(f.looks) {
		f.looks = now
		if err := f.follow(); err != nil {
			return 0, err
		}
	}
	n, err := f.f.Write(b)
	f.written.Add(int64(n))
	return n, err
}

// follow opens the name again if another file, or none, is there now. If that
// fails the old one is good enough, as long as it still has a name.
func (f *file) follow() error {
	mine, err := f.f.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.path)
	if err == nil && os.SameFile(mine, there) {
		return nil
	}
	if err = f.reopen(); err == nil {
		return nil
	}
	if stat, ok := mine.Sys().(*syscall.Stat_t); ok && stat.Nlink == 0 {
		return fmt.Errorf("the file was deleted: %w", err)
	}
	f.log("the file of the issuance records was renamed, and no new one can be opened: the old one is written on", "error", err)
	return nil
}

// reopen goes on in the file that now has the name, once the old one is on disk.
func (f *file) reopen() error {
	next, err := openLocked(f.path)
	if err != nil {
		return err
	}
	f.syncing.Lock()
	defer f.syncing.Unlock()
	err = f.f.Sync()
	old := f.f
	f.f, f.synced = next, f.written.Load()
	return errors.Join(err, old.Close())
}

// sync returns when the first upTo bytes that were written are on disk. Callers
// share one fsync. What one failed on stays lost: the kernel tells it once, and
// calls the next one a success.
func (f *file) sync(upTo int64) error {
	f.syncing.Lock()
	defer f.syncing.Unlock()
	if upTo <= f.lost {
		return notOnDisk(errLost)
	}
	if f.synced >= upTo {
		return nil
	}
	written := f.written.Load() // before: what is written meanwhile may miss it
	if f.synced == written {
		return nil
	}
	if err := f.f.Sync(); err != nil {
		f.lost = written
		return notOnDisk(err)
	}
	f.synced = written
	return nil
}

// everything is all that was written.
const everything = math.MaxInt64

var errLost = errors.New("an fsync that others waited for as well has failed")

func notOnDisk(err error) error { return fmt.Errorf("%w: not on disk: %w", ErrNotWritten, err) }

func (f *file) close() error {
	err := f.sync(everything)
	f.syncing.Lock()
	defer f.syncing.Unlock()
	return errors.Join(err, f.f.Close())
}
