package keeper_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/signer"
	"signet/vaultkeys/keeper"
	"signet/vaultkeys/vaultapi"
)

// TestRefusedActionDoesNotStopOthers: a policy without trim.
func TestRefusedActionDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.vault.Rotate("es")
	f.vault.Configure("es", 2, 2)
	f.edit = func(c *keeper.Config) { c.TrimAfter = time.Minute }
	f.vault.Fail(func(_, path string) error {
		if strings.HasSuffix(path, "/trim") {
			return vaultapi.ErrPermissionDenied
		}
		return nil
	})
	k := f.keeper(f.vault)
	for range int(period / interval) {
		_ = k.Round(t.Context()) // refused each time
		f.advance(interval)
	}
	f.fails(k, vaultapi.ErrPermissionDenied)
	f.want("es", state{Latest: 3, MinDec: 2, MinEnc: 2})
	if n := f.vault.Calls("write", "transit/keys/es/trim"); n < 100 {
		t.Errorf("tried %d times, want once a round", n)
	}
	if n := strings.Count(f.log.String(), "failing"); n != 1 {
		t.Errorf("%d lines about the same failure, want one", n)
	}
}

// fails wants a round with that error.
func (f *fixture) fails(k *keeper.Keeper, want error) {
	f.t.Helper()
	if err := k.Round(f.t.Context()); !errors.Is(err, want) {
		f.t.Fatalf("%v, want %v\n%s", err, want, f.log)
	}
}

// TestEndIsNoFailure: what fails because the keeper ends is not worth a line.
func TestEndIsNoFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("hs", signer.HS256))
	f.times.err = errInjected
	f.edit = func(c *keeper.Config) { c.Lease = &lease{err: errInjected} }
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = f.keeper(f.vault).Round(ctx)
	if f.log.String() != "" || reasonSeen(t, f) != "" || value(t, f, "signet_keeper_redis_failures_total") != 0 {
		t.Errorf("logged %q, counted %q", f.log, reasonSeen(t, f))
	}
}

// TestOneRingsErrorsDoNotStopOthers: missing, of another type, unreadable.
func TestOneRingsErrorsDoNotStopOthers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ringOf("a", signer.ES256), ringOf("b", signer.RS256), ringOf("c", signer.EdDSA), ringOf("d", signer.ES256))
	f.vault.DeleteKey("a")
	f.vault.CreateKey("b", "ed25519")
	f.vault.Malform("c", 1, "no key")
	k := f.keeper(f.vault)
	f.advance(period)
	err := k.Round(t.Context())
	for _, want := range []string{`ring "a"`, `ring "b"`, `key type "ed25519", not "rsa-2048"`, `ring "c"`, "version 1: reading public_key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in %v", want, err)
		}
	}
	f.want("d", state{Latest: 2, MinDec: 1})
	for _, untouched := range []string{"b", "c"} {
		f.want(untouched, state{Latest: 1, MinDec: 1})
	}
}

// TestVaultDown: an outage is two lines of log, and changes nothing but time.
func TestVaultDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keeper(f.vault)
	f.round(k)
	f.vault.Seal(true)
	for range int(period / interval) {
		f.advance(interval)
		f.fails(k, vaultapi.ErrSealed)
	}
	f.vault.Seal(false)
	f.round(k)
	f.want("es", state{Latest: 2, MinDec: 1})
	if n := strings.Count(f.log.String(), "\n"); n != 3 || !strings.Contains(f.log.String(), "works again") {
		t.Errorf("want failing, works again, rotate:\n%s", f.log)
	}
	if got := value(t, f, "signet_keeper_errors_total"); got != float64(period/interval) {
		t.Errorf("%v failed rounds counted", got)
	}
}

// TestAnotherFailureIsAnotherLine: the reason may change while it goes on.
func TestAnotherFailureIsAnotherLine(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.keeper(f.vault)
	for _, failure := range []error{vaultapi.ErrSealed, vaultapi.ErrSealed, vaultapi.ErrPermissionDenied} {
		f.vault.Fail(func(string, string) error { return failure })
		f.fails(k, failure)
	}
	for reason, want := range map[string]int{"reason=sealed": 1, "reason=denied": 1} {
		if n := strings.Count(f.log.String(), reason); n != want {
			t.Errorf("%d lines with %s, want %d", n, reason, want)
		}
	}
}

// TestRun: an interval, jittered; errors do not end it, its context does.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.clock = nil
		f.vault.Fail(func(string, string) error { return vaultapi.ErrSealed })
		k := keeper.New(keeper.Config{Vault: f.vault, Rings: f.rings})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- k.Run(ctx) }()
		began := time.Now()
		time.Sleep(1000 * time.Second) // a bubble's: takes no time
		if n := f.vault.Calls("read", "transit/keys/es"); n < 101 || n > 126 {
			t.Errorf("%d rounds in %v, want one in 8 to 10 s", n, time.Since(began))
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
