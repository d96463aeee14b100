package main

import (
	"testing"

	"signet/config"
)

// TestListWidth: three requests to Vault by default, and never so many that the
// lists of one client fill its share of the queue.
func TestListWidth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signing config.Signing
		want    int
	}{
		{config.Signing{InFlight: 2, BatchMax: 128, QueueMax: 4096}, 341},
		{config.Signing{InFlight: 2, BatchMax: 128, QueueMax: 100_000}, 384},
		{config.Signing{InFlight: 1, BatchMax: 1, QueueMax: 4096}, 2},
		{config.Signing{InFlight: 64, BatchMax: 1000, QueueMax: 4}, 1},
	} {
		if got := listWidth(c.signing); got != c.want {
			t.Errorf("%+v: %d, want %d", c.signing, got, c.want)
		}
	}
}

func TestVaultConns(t *testing.T) {
	t.Parallel()
	if got := vaultConns(4, config.Signing{InFlight: 2}); got != 32 { // as configuration.md says
		t.Errorf("%d connections", got)
	}
}
