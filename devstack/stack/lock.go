package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDir makes a directory this process's own until the returned function is
// called or the process ends, however it ends. hint says what to do instead.
func lockDir(dir, hint string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making %s: %w", dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own directory
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	// The kernel drops the lock with the last descriptor, and children inherit
	// none (Go opens close-on-exec), so a killed stack leaves nothing behind.
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another stack is running in %s: stop it, or %s", dir, hint)
	}
	return nil, fmt.Errorf("locking %s: %w", dir, err)
}
