package sharedstate_test

import (
	"log/slog"
	"strings"
	"testing"

	"signet/internal/logtest"
	"signet/internal/sharedstate"
)

func TestClientLibraryLogsWhereWeDo(t *testing.T) {
	var log logtest.Buffer
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
