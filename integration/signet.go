package integration

import (
	"cmp"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Signet is one running replica.
type Signet struct {
	URL, OpsURL string
	process     *process
	seen        tokens
	records     string // the file of its issuance records
}

// StartSignet starts one more replica of the stack.
func (s *Stack) StartSignet(t testing.TB) *Signet {
	t.Helper()
	addr, ops := FreeAddr(t), FreeAddr(t)
	if len(s.signets) == 0 {
		s.issuer = "http://" + addr // discovery wants the issuer to be where it was found
	}
	config := s.writeConfig(t, "signet-"+strconv.Itoa(len(s.signets))+".yaml", addr, ops)
	signet := &Signet{URL: "http://" + addr, OpsURL: "http://" + ops, records: s.recordsFile(config)}
	signet.process = start(t, "signet", os.Environ(), SignetBinary(t), "serve", "--config", config,
		"--log-level", cmp.Or(s.options.LogLevel, "info"))
	s.signets = append(s.signets, signet)
	return signet
}

// WaitReady waits until the replica answers and has proved that it can sign.
func (s *Signet) WaitReady(t testing.TB) {
	t.Helper()
	s.WaitServing(t)
	s.wait(t, "/readyz/sign")
}

// WaitServing waits until the replica answers, whether it can sign or not.
func (s *Signet) WaitServing(t testing.TB) { t.Helper(); s.wait(t, "/readyz") }

func (s *Signet) wait(t testing.TB, path string) {
	t.Helper()
	Eventually(t, 30*time.Second, path+" is 200", func() bool {
		if s.process.exited() {
			t.Fatalf("signet ended at start:\n%s", s.process.log.String())
		}
		return s.Probe(path) == http.StatusOK
	})
}

// Probe asks the ops listener and returns the status, 0 when nothing answers.
func (s *Signet) Probe(path string) int {
	resp, err := http.Get(s.OpsURL + path) //nolint:noctx // a bounded poll
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// Ops is the body of what the ops listener answers.
func (s *Signet) Ops(t testing.TB, path string) string {
	t.Helper()
	resp, err := http.Get(s.OpsURL + path) //nolint:noctx // bounded by the test
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Metric is the sum of a metric's series that have the label, such as
// `kind="stale"`; 0 if there is none.
func (s *Signet) Metric(t testing.TB, name, label string) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(s.Ops(t, "/metrics")) {
		series, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "} ")
		if !strings.HasPrefix(series, name+"{") || !strings.Contains(series, label) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metrics: %q: %v", line, err)
		}
		sum += v
	}
	return sum
}

// Log is what the replica has printed so far.
func (s *Signet) Log() string { return s.process.log.String() }

// Stop ends the replica as an orchestrator does, with SIGTERM.
func (s *Signet) Stop(t testing.TB) { t.Helper(); s.process.stop(t) }

// ExitCode waits for the replica's own end.
func (s *Signet) ExitCode(t testing.TB, within time.Duration) int {
	t.Helper()
	return s.process.exitCode(t, within)
}

// tokens remembers every token that a replica handed out, so that the end of
// the test can look for them in its log.
type tokens struct {
	mu   sync.Mutex
	list []string
}

func (k *tokens) add(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if token != "" && len(k.list) < 2000 {
		k.list = append(k.list, token)
	}
}

func (k *tokens) all() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.list...)
}
