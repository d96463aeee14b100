package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWatchAll: what is missing is said. This process stands for the devstack.
func TestWatchAll(t *testing.T) {
	t.Parallel()
	if w := watchAll(os.Getppid(), os.Getpid()); len(w.pids) > 0 || !strings.Contains(w.note, "Signet's process is not found") || len(w.read()) > 0 {
		t.Errorf("%+v", w)
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	signet := filepath.Join(t.TempDir(), "signet") // the name is what counts
	if err := os.Symlink(sleep, signet); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), signet, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := watchAll(os.Getpid(), os.Getpid())
	if w.pids[signetProcess] != cmd.Process.Pid {
		t.Errorf("%+v, want %d", w, cmd.Process.Pid)
	}
	w.resetPeaks()
	if now := w.read(); now[signetProcess].Peak <= 0 || now[loadProcess].Resident <= 0 {
		t.Errorf("%+v", now)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if now := w.read(); len(now) != len(w.pids)-1 {
		t.Errorf("%+v: the one that ended is still there", now)
	}
}
