package auditing_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"signet/integration"
)

// smallDisk is a file system of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		integration.Need(t, !errors.Is(err, syscall.EPERM), "the right to mount a small file system")
		t.Fatalf("mounting a file system of %s: %v", size, err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// TestDiskFull: where the record file's disk is full, requests answer 503 and
// nothing is issued unrecorded; with space again it goes on by itself, and the
// records fit Vault's log.
func TestDiskFull(t *testing.T) {
	if !integration.OnlyOn(t, integration.Process, integration.Docker) {
		return // the audit log of somebody else's Vault cannot be read
	}
	for _, fsync := range []string{"everysec", "always"} {
		t.Run(fsync, func(t *testing.T) {
			dir := smallDisk(t, "512k")
			ballast := filepath.Join(dir, "ballast")
			if err := os.WriteFile(ballast, make([]byte, 256<<10), 0o600); err != nil {
				t.Fatal(err)
			}
			stack := integration.New(t, &integration.Options{Audit: true, Records: dir, Fsync: fsync, Times: &times, LogLevel: "error"})
			replica := stack.Signet(0)
			var statuses [600]atomic.Int64
			ask := func() int {
				reply, err := replica.TryPost("/oauth2/token", stack.Demo, url.Values{"grant_type": {"client_credentials"}})
				if err != nil {
					t.Error(err)
					return 0
				}
				statuses[reply.Status].Add(1)
				return reply.Status
			}
			var group sync.WaitGroup
			full := make(chan struct{})
			var once sync.Once
			for range 16 {
				group.Go(func() {
					for {
						select {
						case <-full:
							return
						default:
						}
						if ask() == http.StatusServiceUnavailable {
							once.Do(func() { close(full) })
						}
					}
				})
			}
			group.Wait()
			for range 20 {
				if status := ask(); status != http.StatusServiceUnavailable {
					t.Errorf("status %d with a full disk", status)
				}
			}
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			integration.Eventually(t, 10*time.Second, "it recovers by itself", func() bool { return ask() == http.StatusOK })
			for status := range statuses {
				n := statuses[status].Load()
				if n > 0 && status != http.StatusOK && status != http.StatusServiceUnavailable {
					t.Errorf("%d answers of status %d", n, status)
				}
			}
			replica.Stop(t)
			a := newAuditor(t, stack)
			a.wantNothing(t, "after a full disk")
			recorded := map[string]bool{}
			for _, l := range linesOf(t, stack.Records(0)) {
				if l.Event == "token" {
					recorded[l.JTI] = true
				}
			}
			handed := statuses[http.StatusOK].Load()
			if int64(len(recorded)) < handed {
				t.Errorf("%d tokens were handed out, %d are recorded", handed, len(recorded))
			}
			t.Logf("%d tokens, %d answers of 503", handed, statuses[http.StatusServiceUnavailable].Load())
		})
	}
}
