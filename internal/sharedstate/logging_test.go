package sharedstate_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"signet/internal/sharedstate"
)

// safeBuffer may be written by the client's goroutines while the test reads.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestClientLibraryLogsWhereWeDo(t *testing.T) {
	var log safeBuffer
	sharedstate.LogTo(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	client, err := sharedstate.Open(sharedstate.Config{Addresses: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("something answers on port 1")
	}
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line past the logger: %q", line)
		}
	}
}
