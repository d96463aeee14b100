package clients_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/clients"
)

// TestManualsExamplesOpen opens every clients.yaml of the manual, judged by the
// rings that its signet.yaml has.
func TestManualsExamplesOpen(t *testing.T) {
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, m := range regexp.MustCompile("(?s)\n```yaml\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(m[1], "# clients.yaml\n") {
			continue // package config checks those, and that each names its file
		}
		found++
		path := filepath.Join(t.TempDir(), "clients.yaml")
		if err := os.WriteFile(path, []byte(m[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := clients.Open(clients.Config{
			Path: path, Rings: map[string]time.Duration{"signet-es256": time.Hour, "signet-rs256": time.Hour},
			DefaultRing: "signet-es256", DefaultTTL: 5 * time.Minute, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Error(err)
		}
	}
	if found == 0 {
		t.Error("the manual has no clients.yaml")
	}
}
