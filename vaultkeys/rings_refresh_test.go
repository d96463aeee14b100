package vaultkeys_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaulttest"
)

func TestRefreshIsSingleFlightWithAFloor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *vaultkeys.RingsConfig) { c.Now = time.Now })
		f.vault = vaulttest.New(time.Now)
		f.vault.CreateKey("es", "ecdsa-p256")
		f.rings = vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: f.vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		f.load(t)
		reads := func() int { return f.vault.Calls("read", "transit/keys/es") }
		start := time.Now()
		for range 3 {
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					if err := f.rings.Refresh(t.Context(), "es"); err != nil {
						t.Errorf("Refresh: %v", err)
					}
				})
			}
			wg.Wait()
		}
		if reads() != 4 {
			t.Fatalf("%d reads for 3 bursts after a load", reads())
		}
		if d := time.Since(start); d != 600*time.Millisecond {
			t.Fatalf("3 refreshes took %v, want the floor of 200ms each", d)
		}
	})
}

func TestRefreshSeesWhatRefusedTheCaller(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	f.load(t)
	f.vault.Rotate("es")
	f.vault.Configure("es", 1, 2)
	if err := f.rings.Refresh(t.Context(), "es"); err != nil {
		t.Fatal(err)
	}
	if f.signing(t, "es").Version != 2 {
		t.Fatal("an emergency minimum is not followed")
	}
}

func TestACallerLeavingDoesNotCancelTheRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	release := make(chan struct{})
	entered := make(chan struct{}, 2)
	f.vault.Hook(func(ctx context.Context, _, _ string) {
		entered <- struct{}{}
		<-release
		if ctx.Err() != nil {
			t.Error("the read ran under the caller's context")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- f.rings.Refresh(ctx, "es") }()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("Refresh: %v", err)
	}
	stayed := make(chan error)
	go func() { stayed <- f.rings.Refresh(t.Context(), "es") }()
	close(release)
	if err := <-stayed; err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	f.signing(t, "es")
}

func TestRunPollsWithJitter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey("es", "ecdsa-p256")
		rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		if err := rings.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		var times []time.Time
		vault.Hook(func(context.Context, string, string) { times = append(times, time.Now()) })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		last := time.Now()
		go func() { done <- rings.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Fatalf("Run: %v", err)
		}
		gaps := map[time.Duration]bool{}
		for _, at := range times {
			gap := at.Sub(last)
			if gap < 8*time.Second || gap > 10*time.Second {
				t.Fatalf("%v between two reads, want 8s to 10s", gap)
			}
			gaps[gap], last = true, at
		}
		if len(times) < 60 || len(gaps) < len(times)/2 {
			t.Fatalf("%d reads at %d different distances", len(times), len(gaps))
		}
	})
}

func TestRunLoadsWhatLoadCouldNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		vault := vaulttest.New(time.Now)
		vault.CreateKey("es", "ecdsa-p256")
		vault.Seal(true)
		rings := vaultkeys.NewRings(vaultkeys.RingsConfig{Vault: vault, Rings: []vaultkeys.RingConfig{ring("es", signer.ES256)}})
		go func() { _ = rings.Run(t.Context()) }()
		time.Sleep(time.Minute)
		vault.Seal(false)
		time.Sleep(2 * time.Second)
		if !rings.Ready() {
			t.Fatal("not ready 2s after the unseal")
		}
	})
}
