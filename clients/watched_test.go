package clients_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/clients"
	"signet/internal/logtest"
)

const (
	goodA = "clients:\n  - id: a\n"
	goodB = "clients:\n  - id: b\n"
	bad   = "clients:\n  - id: \"c:d\"\n"
)

// watched is a registry that Run keeps up to date until the test ends.
type watched struct {
	*clients.Registry
	t       *testing.T
	path    string
	metrics *prometheus.Registry
	log     *logtest.Buffer
}

// prepare opens a registry on path. Once it runs, it polls every hour only, so
// that the directory's events count.
func prepare(t *testing.T, path string, change ...func(*clients.Config)) *watched {
	t.Helper()
	w := &watched{t: t, path: path, metrics: prometheus.NewRegistry(), log: &logtest.Buffer{}}
	c := clients.Config{
		Path: path, Settle: time.Millisecond, PollInterval: time.Hour,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Registerer: w.metrics,
	}
	for _, f := range change {
		f(&c)
	}
	var err error
	if w.Registry, err = clients.Open(c); err != nil {
		t.Fatal(err)
	}
	return w
}

// run runs it until the test ends, or stop is called.
func (w *watched) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				w.t.Errorf("Run: %v", err)
			}
		case <-time.After(20 * time.Second):
			w.t.Error("Run goes on after its context")
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// watch is prepare and run.
func watch(t *testing.T, path string, change ...func(*clients.Config)) *watched {
	t.Helper()
	w := prepare(t, path, change...)
	w.run()
	return w
}

// polled makes the registry look every few milliseconds.
func polled(c *clients.Config) { c.PollInterval = 2 * time.Millisecond }

// until waits for a condition; 20 s are for machines that are busy.
func (w *watched) until(what string, condition func() bool) {
	w.t.Helper()
	deadline := time.After(20 * time.Second)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-deadline:
			w.t.Fatalf("never: %s\n%s", what, w.log)
		}
	}
}

func (w *watched) has(id string) func() bool {
	return func() bool { _, ok := w.Lookup(id); return ok }
}

func (w *watched) counts(result string, n float64) func() bool {
	return func() bool { return w.metric("signet_clients_reloads_total", result) == n }
}

// metric is the value of a counter or gauge; result may be empty.
func (w *watched) metric(name, result string) float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (result == "" || m.GetLabel()[0].GetValue() == result) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	w.t.Fatalf("no metric %s %s", name, result)
	return 0
}

// refused waits until the file in place was refused, loudly, n times in all, and
// checks that a is still there.
func (w *watched) refused(n float64, says string) {
	w.t.Helper()
	w.until("the bad file is counted", w.counts("error", n))
	w.until("the bad file is logged", func() bool {
		log := w.log.String()
		return strings.Contains(log, "level=ERROR") && strings.Contains(log, says)
	})
	if w.metric("signet_clients_stale", "") != 1 {
		w.t.Error("signet_clients_stale is not 1")
	}
	if !w.has("a")() || w.has("c")() {
		w.t.Error("the last good file does not apply any more")
	}
}

// replace writes beside the file and renames over it, as editors and Vault Agent do.
func replace(t testing.TB, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func startFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clients.yaml")
	write(t, path, goodA)
	return path
}
