package clients

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// repeatAfter is how often a bad file is complained about again.
const repeatAfter = time.Minute

// Run keeps the registry up to date until ctx ends; it never returns an error
// before. It watches the file's directory, not the file: editors and Vault Agent
// rename a new file over it, Kubernetes swaps a symlink, and a watch on the
// inode goes deaf. And it polls, because some file systems announce nothing.
func (r *Registry) Run(ctx context.Context) error {
	events, stop := r.watch()
	defer stop()
	poll := time.NewTicker(r.cfg.PollInterval)
	defer poll.Stop()
	var settled <-chan time.Time
	look := true // the file may have changed since Open
	for {
		// A look that is already due covers everything until then: a busy
		// directory must not put it off for ever.
		if look && settled == nil && r.observe() {
			settled = time.After(r.cfg.Settle)
		}
		look = false
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-events:
			if !ok {
				events = nil // the poll remains
				continue
			}
			look = r.concerns(event)
		case <-poll.C:
			look = true
		case <-settled:
			settled = nil
			look = true
		}
	}
}

// watch returns the directory's events, or nil (which never sends) if it cannot
// be watched.
func (r *Registry) watch() (<-chan fsnotify.Event, func()) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		r.log.Warn("clients file is polled only: no watcher", "error", err)
		return nil, func() {}
	}
	stop := func() { _ = watcher.Close() } // nothing left to lose
	if err := watcher.Add(filepath.Dir(r.cfg.Path)); err != nil {
		r.log.Warn("clients file is polled only: its directory cannot be watched", "error", err)
		stop()
		return nil, func() {}
	}
	// An overflow loses events, which the poll makes up for; but an unread error
	// would block the watcher.
	go func() {
		for err := range watcher.Errors {
			r.log.Warn("watching the clients file", "error", err)
		}
	}()
	return watcher.Events, stop
}

// concerns: the file itself, or Kubernetes' ..data and its timestamped siblings.
func (r *Registry) concerns(event fsnotify.Event) bool {
	name := filepath.Base(event.Name)
	return name == filepath.Base(r.cfg.Path) || strings.HasPrefix(name, "..")
}

// observe looks at the file and applies what has changed and settled. It returns
// true to be called again after Settle. The contents are compared, not size and
// time: an edit within the clock's grain or by `cp -p` changes neither.
func (r *Registry) observe() (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	data, err := read(r.cfg.Path)
	sum := fingerprint(data, err)
	switch {
	case sum != r.seen && sum != r.current.Load().sum:
		r.seen = sum
		return true
	case sum == r.current.Load().sum:
		r.seen = sum
		if r.refused == ([len(sum)]byte{}) {
			return false
		}
		// The bad file was taken back.
	case sum == r.refused && r.cfg.Now().Sub(r.saidAt) < repeatAfter:
		return false
	}
	_ = r.apply(data, err) // logged and counted there
	return false
}
