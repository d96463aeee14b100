package clients_test

import (
	"crypto/sha256"
	"sync"
	"testing"

	"signet/clients"
)

// TestLoadedIsTold: each file that was read, good or bad, with its digest.
func TestLoadedIsTold(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []clients.Loaded
	path := startFile(t)
	w := prepare(t, path, func(c *clients.Config) {
		c.Loaded = func(l clients.Loaded) { mu.Lock(); defer mu.Unlock(); got = append(got, l) }
	})
	replace(t, path, bad)
	if err := w.Reload(); err == nil {
		t.Fatal("a bad file was taken")
	}
	replace(t, path, goodB)
	if err := w.Reload(); err != nil {
		t.Fatal(err)
	}
	texts := []string{goodA, bad, goodB}
	if len(got) != len(texts) {
		t.Fatalf("told %d times", len(got))
	}
	for i, text := range texts {
		if got[i].Digest != sha256.Sum256([]byte(text)) || (got[i].Err != nil) != (text == bad) || got[i].Clients != 1 {
			t.Errorf("told %+v of file %d", got[i], i)
		}
	}
}
