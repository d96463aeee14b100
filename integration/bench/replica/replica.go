package replica

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// readyWithin is how long a replica may take, and stopWithin after SIGTERM.
	readyWithin = time.Minute
	stopWithin  = 15 * time.Second
	// probeEvery is how exactly the time until ready is known.
	probeEvery = 5 * time.Millisecond
)

// Replica is one running Signet.
type Replica struct {
	Changes

	cmd   *exec.Cmd
	log   string // a file
	began time.Time
	ended chan struct{}
	exit  error // why, valid after ended
	http  *http.Client
}

// Config says what to start.
type Config struct {
	// Binary is the path of signet.
	Binary string
	// Original is the configuration file to copy.
	Original string
	// Dir takes the copy and the log; it is there.
	Dir string

	Changes
}

// Start runs a Signet until Stop. It may not be ready yet.
func Start(c Config) (*Replica, error) {
	path, err := Write(c)
	if err != nil {
		return nil, err
	}
	r := &Replica{
		Changes: c.Changes, log: filepath.Join(c.Dir, c.Name+".log"), ended: make(chan struct{}),
		http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}},
	}
	log, err := os.Create(r.log)
	if err != nil {
		return nil, fmt.Errorf("making a log: %w", err)
	}
	defer func() { _ = log.Close() }()                                               // the child has its own
	r.cmd = exec.Command(c.Binary, "serve", "--config", path, "--log-level", "info") //nolint:noctx // Stop ends it, with SIGTERM first
	r.cmd.Stdout, r.cmd.Stderr = log, log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	r.began = time.Now()
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Binary, err)
	}
	go func() {
		r.exit = r.cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// Write writes the changed copy, NAME.yaml, and returns its path.
func Write(c Config) (path string, err error) {
	original, err := os.ReadFile(c.Original)
	if err != nil {
		return "", fmt.Errorf("reading the configuration: %w", err)
	}
	raw, err := Rewrite(original, filepath.Dir(c.Original), c.Changes)
	if err != nil {
		return "", err
	}
	path = filepath.Join(c.Dir, c.Name+".yaml")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return path, nil
}

// PID is its process.
func (r *Replica) PID() int { return r.cmd.Process.Pid }

// Ready waits until it serves and has proved that it can sign with every ring, and
// tells how long that took since its start.
func (r *Replica) Ready(ctx context.Context) (time.Duration, error) {
	return r.await(ctx, "ready", func(ctx context.Context) bool { return r.probe(ctx, "/readyz") && r.probe(ctx, "/readyz/sign") })
}

// Checked waits until it has looked at its rights in Vault, which it does once, beside
// everything else and at Vault's expense, and tells how long that took since its start.
func (r *Replica) Checked(ctx context.Context) (time.Duration, error) {
	return r.await(ctx, "done with its look at its rights", func(ctx context.Context) bool {
		m, err := r.Metrics(ctx)
		return err == nil && m.Has("signet_vault_check_findings")
	})
}

// await asks until it is what the words say.
func (r *Replica) await(ctx context.Context, words string, is func(context.Context) bool) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, readyWithin, fmt.Errorf("a replica was not %s within %s", words, readyWithin))
	defer cancel()
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for !is(ctx) {
		select {
		case <-r.ended:
			return 0, fmt.Errorf("signet ended before it was %s (%w):\n%s", words, r.exit, r.tail())
		case <-ctx.Done():
			return 0, fmt.Errorf("%w:\n%s", context.Cause(ctx), r.tail())
		case <-tick.C:
		}
	}
	return time.Since(r.began), nil
}

func (r *Replica) probe(ctx context.Context, path string) bool {
	resp, err := r.get(ctx, path)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (r *Replica) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Ops+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("building a request: %w", err)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the ops listener: %w", err)
	}
	return resp, nil
}

// tail is the end of the log.
func (r *Replica) tail() string {
	raw, err := os.ReadFile(r.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(raw[max(0, len(raw)-4000):]))
}

// Stop ends it in order. An error is that it did not end so.
func (r *Replica) Stop() error {
	r.http.CloseIdleConnections()
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(stopWithin):
		_ = r.cmd.Process.Kill()
		<-r.ended
		return errors.New("a replica did not end within 15 seconds of SIGTERM")
	}
	if r.exit != nil {
		return fmt.Errorf("a replica ended badly (%w):\n%s", r.exit, r.tail())
	}
	return nil
}
