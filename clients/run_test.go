package clients_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"signet/clients"
)

// TestRunEnds: nothing stays behind when the context ends, whatever Run was
// doing. Not parallel: goleak sees the goroutines of every test.
func TestRunEnds(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := prepare(t, startFile(t))
	stop := w.run()
	write(t, w.path, goodB)
	w.until("b is there", w.has("b"))
	stop()

	// While a look is due.
	w = prepare(t, startFile(t), func(c *clients.Config) { c.Settle = time.Hour })
	write(t, w.path, goodB)
	w.run()()

	// Before it began, and with nothing to watch.
	if err := os.RemoveAll(filepath.Dir(w.path)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestRunWithoutWatch: the directory is gone when Run begins, so that only the
// poll is left.
func TestRunWithoutWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "conf", "clients.yaml")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, goodA)
	w := prepare(t, path, polled)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	w.run()
	w.refused(1, "no such file")
	if !strings.Contains(w.log.String(), "polled only") {
		t.Errorf("the log does not say so:\n%s", w.log)
	}
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, goodB)
	w.until("b is there", w.has("b"))
}

// TestComplaintIsRepeated: once a minute, not at each look.
func TestComplaintIsRepeated(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	var looks, minutes atomic.Int64
	w := watch(t, startFile(t), polled, func(c *clients.Config) {
		// The clock is asked at each look at a bad file.
		c.Now = func() time.Time {
			looks.Add(1)
			return start.Add(time.Duration(minutes.Load()) * time.Minute)
		}
	})
	replace(t, w.path, bad)
	for n := range 3 {
		w.refused(float64(n+1), "cannot be a client id")
		from := looks.Load()
		w.until("it has looked ten times", func() bool { return looks.Load() > from+10 })
		if !w.counts("error", float64(n+1))() || strings.Count(w.log.String(), "level=ERROR") != n+1 {
			t.Fatalf("complaint %d came more than once:\n%s", n+1, w.log)
		}
		minutes.Add(1)
	}
}

// TestHalfWrittenFile: a file that is being written is not taken. Every prefix
// of this one that ends with a line is a good file without some clients.
func TestHalfWrittenFile(t *testing.T) {
	t.Parallel()
	w := watch(t, startFile(t), polled, func(c *clients.Config) { c.Settle = 500 * time.Millisecond })
	replace(t, w.path, goodB)
	w.until("Run has begun", w.has("b"))
	f, err := os.Create(w.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, part := range append([]string{goodA}, lines(200)...) {
		if _, err := f.WriteString(part); err != nil {
			t.Fatal(err)
		}
	}
	w.until("the whole file is there", w.has("n199"))
	if !w.counts("ok", 2)() || !w.counts("error", 0)() {
		t.Errorf("it was taken half written:\n%s", w.log)
	}
}

func lines(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("  - id: n%d\n", i)
	}
	return list
}

func TestReload(t *testing.T) {
	t.Parallel()
	w := prepare(t, startFile(t))
	if err := w.Reload(); err != nil || !w.has("a")() {
		t.Error(err)
	}
	replace(t, w.path, bad)
	err := w.Reload()
	if all, ok := errors.AsType[*clients.Error](err); !ok || len(all.Violations) != 1 || !strings.Contains(err.Error(), "clients.yaml:2: ") {
		t.Errorf("got %v", err)
	}
	w.refused(1, "cannot be a client id")
	if err := os.Remove(w.path); err != nil {
		t.Fatal(err)
	}
	if err := w.Reload(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	w.refused(2, "no such file")
	write(t, w.path, "clients: []\n")
	if err := w.Reload(); err != nil || w.Len() != 0 || w.has("a")() || w.metric("signet_clients_stale", "") != 0 {
		t.Error(err)
	}
	if log := w.log.String(); !strings.Contains(log, "lists nobody") {
		t.Errorf("nobody can authenticate, and the log is silent:\n%s", log)
	}
}

// TestSecretIsRotatedLive: the old secret ends and the new one begins with the file.
func TestSecretIsRotatedLive(t *testing.T) {
	t.Parallel()
	before, beforeHash := newSecret(t)
	after, afterHash := newSecret(t)
	w := prepare(t, startFile(t))
	for _, step := range []struct {
		hashes        []string
		before, after bool
	}{
		{[]string{beforeHash}, true, false},
		{[]string{beforeHash, afterHash}, true, true},
		{[]string{afterHash}, false, true},
		{nil, false, false},
	} {
		replace(t, w.path, file(t, clients.Entry{ID: "a", Secrets: step.hashes}))
		if err := w.Reload(); err != nil {
			t.Fatal(err)
		}
		for secret, want := range map[string]bool{before: step.before, after: step.after} {
			if _, err := w.Authenticate("a", secret); (err == nil) != want {
				t.Errorf("%d hashes: got %v", len(step.hashes), err)
			}
		}
	}
}

// TestAuthenticateDuringReload: a client that stays is never missing, and none
// is seen half changed. The race detector watches.
func TestAuthenticateDuringReload(t *testing.T) {
	t.Parallel()
	secret, hash := newSecret(t)
	versions := []string{
		file(t, clients.Entry{ID: "x", Secrets: []string{hash}, Audiences: []string{"one"}, Scopes: []string{"one"}}),
		file(t, clients.Entry{ID: "x", Secrets: []string{hash}, Audiences: []string{"two"}, Scopes: []string{"two"}}),
		bad,
	}
	path := filepath.Join(t.TempDir(), "clients.yaml")
	write(t, path, versions[0])
	w := watch(t, path, polled)
	end := make(chan struct{})
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				c, err := w.Authenticate("x", secret)
				if err != nil {
					t.Error(err)
					return
				}
				audience, err := c.Audience(nil)
				scope, scopeErr := c.Scope("")
				if err != nil || scopeErr != nil || audience[0] != scope {
					t.Errorf("audience %q of one version, scope %q of another", audience, scope)
					return
				}
				if _, err := w.Authenticate("x", "wrong"); err == nil {
					t.Error("a wrong secret authenticates")
					return
				}
			}
		})
	}
	for i := range 100 {
		replace(t, path, versions[i%len(versions)])
		_ = w.Reload() // every third is bad
	}
	close(end)
	callers.Wait()
}
