package regularfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"signet/internal/regularfile"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int64]string{9: "12345", 5: "12345", 4: "12345", 3: "1234"} {
		for _, name := range []string{path, link} {
			if got, err := regularfile.Read(name, limit); err != nil || string(got) != want {
				t.Errorf("at most %d: got %q, %v, want %q", limit, got, err, want)
			}
		}
	}
}

// TestReadRefuses: a pipe without a writer and a device without an end are
// refused, not waited for.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir: "is a directory", pipe: "is a named pipe", "/dev/zero": "is a device",
	} {
		if got, err := regularfile.Read(path, 10); got != nil || err == nil || !strings.Contains(err.Error(), path+" "+want) {
			t.Errorf("%s: got %q, %v, want %s", path, got, err, want)
		}
	}
	if _, err := regularfile.Read(filepath.Join(dir, "none"), 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
}
