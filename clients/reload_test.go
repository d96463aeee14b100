package clients_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"signet/clients"
)

// TestReloadHow: each way to change a file, seen by events alone and by polling.
func TestReloadHow(t *testing.T) {
	t.Parallel()
	ways := map[string]func(testing.TB, string, string){
		"rename":   replace,
		"in place": write,
		"removed and made again": func(t testing.TB, path, text string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, text)
		},
	}
	for name, way := range ways {
		for mode, change := range map[string]func(*clients.Config){"events": func(*clients.Config) {}, "polled": polled} {
			t.Run(name+", "+mode, func(t *testing.T) {
				t.Parallel()
				w := watch(t, startFile(t), change)
				// More than once: a watch on the inode sees the first change only.
				for range 3 {
					way(t, w.path, goodB)
					w.until("b is there", func() bool { return w.has("b")() && !w.has("a")() })
					way(t, w.path, goodA)
					w.until("a is back", func() bool { return w.has("a")() && !w.has("b")() })
				}
			})
		}
	}
}

// TestReloadOfSymlink: Kubernetes writes each version into a directory of its
// own and swaps the symlink ..data; the file's own symlink never changes.
func TestReloadOfSymlink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := 0
	swap := func(text string) {
		t.Helper()
		version++
		name := fmt.Sprintf("..2026_01_31_%d", version)
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "clients.yaml"), text)
		if err := os.Symlink(name, filepath.Join(dir, "..data_tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		if version > 1 {
			if err := os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..2026_01_31_%d", version-1))); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap(goodA)
	path := filepath.Join(dir, "clients.yaml")
	if err := os.Symlink(filepath.Join("..data", "clients.yaml"), path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path)
	for range 3 {
		swap(goodB)
		w.until("b is there", func() bool { return w.has("b")() && !w.has("a")() })
		swap(goodA)
		w.until("a is back", func() bool { return w.has("a")() && !w.has("b")() })
	}
	swap(bad)
	w.refused(1, "cannot be a client id")
	swap(goodB)
	w.until("b is there", w.has("b"))
}

// TestReloadFromAfar: a symlink into a directory that nobody watches.
func TestReloadFromAfar(t *testing.T) {
	t.Parallel()
	target := startFile(t)
	path := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	w := watch(t, path, polled)
	write(t, target, goodB)
	w.until("b is there", w.has("b"))
}

// TestReloadChangedBeforeRun: what changed after Open is seen at once, not at
// the next poll.
func TestReloadChangedBeforeRun(t *testing.T) {
	t.Parallel()
	w := prepare(t, startFile(t))
	write(t, w.path, goodB)
	w.run()
	w.until("b is there", w.has("b"))
}

// TestBadFileKeepsTheOldOne: each thing that can happen to a file, and back.
func TestBadFileKeepsTheOldOne(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		spoil func(*testing.T, string)
		says  string
	}{
		"violation": {func(t *testing.T, path string) { replace(t, path, bad) }, "cannot be a client id"},
		"not YAML":  {func(t *testing.T, path string) { replace(t, path, "clients: [") }, "not YAML"},
		"empty":     {func(t *testing.T, path string) { replace(t, path, "") }, "the file is empty"},
		"truncated": {func(t *testing.T, path string) { write(t, path, goodA[:8]) }, "has nothing where a list is needed"},
		"removed": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "no such file"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(path) })
		}, "is a directory"},
		"a named pipe": {func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path+".new", 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, "is a named pipe"},
		"too large": {func(t *testing.T, path string) {
			replace(t, path, goodA+strings.Repeat("#", 4<<20))
		}, "the file is larger than 4 MiB"},
		"dangling symlink": {func(t *testing.T, path string) {
			if err := os.Symlink("nowhere", path+".new"); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}, "no such file"},
	}
	for name, c := range cases {
		for back, text := range map[string]string{"the old one again": goodA, "a new one": goodA + "  - id: new\n"} {
			t.Run(name+", then "+back, func(t *testing.T) {
				t.Parallel()
				w := watch(t, startFile(t))
				if w.metric("signet_clients_stale", "") != 0 || !w.counts("error", 0)() || !w.counts("ok", 0)() {
					t.Error("stale from the start")
				}
				c.spoil(t, w.path)
				w.refused(1, c.says)
				if name == "a directory" {
					if err := os.Remove(w.path); err != nil {
						t.Fatal(err)
					}
				}
				replace(t, w.path, text)
				w.until("the good file is counted", w.counts("ok", 1))
				w.until("it is not stale any more", func() bool { return w.metric("signet_clients_stale", "") == 0 })
				if !w.has("a")() || w.has("new")() != strings.Contains(text, "new") {
					t.Error("the good file does not apply")
				}
			})
		}
	}
}
