package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// SignetBinary is bin/signet built from this tree (with the race detector when
// the tests have it), or SIGNET_BIN.
func SignetBinary(t testing.TB) string {
	t.Helper()
	path, err := buildSignet()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// devstackBinary is bin/devstack, or SIGNET_DEVSTACK_BIN.
func devstackBinary(t testing.TB) string {
	t.Helper()
	path, err := buildDevstack()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var buildSignet = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("SIGNET_BIN"); path != "" {
		return path, nil
	}
	if raceEnabled {
		return build("signet-race", ".", "CGO_ENABLED=1", "-race", "./cmd/signet")
	}
	return build("signet", ".", "CGO_ENABLED=0", "./cmd/signet")
})

var buildDevstack = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("SIGNET_DEVSTACK_BIN"); path != "" {
		return path, nil
	}
	return build("devstack", "devstack", "CGO_ENABLED=0", ".")
})

// build runs go build in dir (relative to the repository) under a file lock:
// packages are tested in parallel processes, and two of them must not write
// one binary at once. Go's own cache makes the second build cheap.
func build(name, dir, env string, args ...string) (string, error) {
	root := Root()
	bin := filepath.Join(root, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", fmt.Errorf("making %s: %w", bin, err)
	}
	lock, err := os.OpenFile(filepath.Join(bin, "."+name+".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("opening the build lock: %w", err)
	}
	defer func() { _ = lock.Close() }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("locking the build of %s: %w", name, err)
	}
	out := filepath.Join(bin, name)
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-o", out}, args...)...) //nolint:noctx // bounded by the test's own deadline
	cmd.Dir = filepath.Join(root, dir)
	cmd.Env = append(os.Environ(), env)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, strings.TrimSpace(string(msg)))
	}
	return out, nil
}

// Root is the repository's directory.
func Root() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		// Built with -trimpath: the working directory of a Go test is its package.
		dir, err := os.Getwd()
		if err != nil {
			return "."
		}
		for d := dir; d != "/"; d = filepath.Dir(d) {
			if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
				return d
			}
		}
		return dir
	}
	return filepath.Dir(filepath.Dir(file))
}
