package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"signet/signer"
	"signet/vaultkeys"
)

const batchRing = "signet-es256"

// TestSignsWithEveryAlgorithm runs with the strict fake: every parameter is a
// string, the version is pinned, marshaling is jws.
func TestSignsWithEveryAlgorithm(t *testing.T) {
	for _, alg := range signer.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			s := newSpy()
			s.CreateKey("ring", vaultkeys.ParamsOf(alg, 0).KeyType)
			s.Rotate("ring")
			b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.VerifyAll = true })
			defer closeBatcher(t, b)
			for version := 1; version <= 2; version++ {
				req := request(keyOf(s.Fake, "ring", version, alg), fmt.Sprintf("jti-%d", version))
				sig, err := b.Sign(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				if alg != signer.HS256 {
					mustVerify(t, req, outcome{sig, nil})
					continue
				}
				checkMAC(t, b, req, sig)
			}
		})
	}
}

func checkMAC(t *testing.T, b *vaultkeys.Batcher, req signer.Request, mac []byte) {
	t.Helper()
	other := req.Key
	other.Version = 3 - other.Version
	future := req.Key
	future.Version = 99
	for name, c := range map[string]struct {
		key        signer.Key
		input, mac []byte
		want       bool
	}{
		"right":           {req.Key, req.Input, mac, true},
		"another input":   {req.Key, []byte("x"), mac, false},
		"another version": {other, req.Input, mac, false},
		"unknown version": {future, req.Input, mac, false},
		"short":           {req.Key, req.Input, mac[:31], false},
		"empty":           {req.Key, req.Input, nil, false},
	} {
		if got, err := b.VerifyMAC(t.Context(), signer.Request{Key: c.key, Input: c.input}, c.mac); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

// TestGroupCommit: idle, a request goes out alone and at once; what comes
// while the allowed number is out makes up the next request, in order.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.BatchMax = 2, 4 })

		var reqs []signer.Request
		var outs []<-chan outcome
		for i := range 9 {
			req := request(key, fmt.Sprintf("jti-%d", i))
			reqs, outs = append(reqs, req), append(outs, signAsync(t.Context(), b, req))
			synctest.Wait()
		}
		if got := len(s.requests()); got != 2 {
			t.Fatalf("%d requests out, want 2", got)
		}
		if got := b.Waiting(); got != 7 {
			t.Fatalf("%d wait, want 7", got)
		}
		for range 4 {
			s.gate <- struct{}{}
			synctest.Wait()
		}
		var got [][]string
		for _, r := range s.requests() {
			got = append(got, r.references())
		}
		want := [][]string{{"jti-0"}, {"jti-1"}, {"jti-2", "jti-3", "jti-4", "jti-5"}, {"jti-6", "jti-7", "jti-8"}}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("batches %v, want %v", got, want)
		}
		for i, req := range reqs {
			mustVerify(t, req, <-outs[i])
		}
		closeBatcher(t, b)
		if n := b.Lanes(); n != 0 {
			t.Errorf("%d lanes are left", n)
		}
	})
}

func TestRefusesWhatCannotBePinned(t *testing.T) {
	s := newSpy()
	s.CreateKey(batchRing, "ecdsa-p256")
	b := newBatcher(s, nil)
	defer closeBatcher(t, b)
	latest := keyOf(s.Fake, batchRing, 1, signer.ES256)
	latest.Version = 0
	unknown := keyOf(s.Fake, batchRing, 1, "none")
	for _, key := range []signer.Key{latest, unknown} {
		_, err := b.Sign(t.Context(), request(key, "x"))
		wantErr(t, err, signer.ErrUnavailable)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		sent := signAsync(t.Context(), b, request(key, "sent"))
		synctest.Wait()
		queued := signAsync(t.Context(), b, request(key, "queued"))
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- b.Close(t.Context()) }()
		synctest.Wait()
		_, err := b.Sign(t.Context(), request(key, "too late"))
		wantErr(t, err, signer.ErrUnavailable)
		close(s.gate)
		mustVerify(t, request(key, "sent"), <-sent)
		mustVerify(t, request(key, "queued"), <-queued)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		closeBatcher(t, b) // again
	})
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.Timeout = 1, time.Hour })
		sent := signAsync(t.Context(), b, request(key, "sent"))
		synctest.Wait()
		queued := signAsync(t.Context(), b, request(key, "queued"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		wantErr(t, b.Close(ctx), context.DeadlineExceeded)
		wantErr(t, (<-sent).err, signer.ErrUnavailable)
		wantErr(t, (<-queued).err, signer.ErrUnavailable)
	})
}

// TestManyCallers is for the race detector: callers of several versions come
// and go, and whoever gets a signature gets its own.
func TestManyCallers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newSpy()
	s.CreateKey(batchRing, "ecdsa-p256")
	s.Rotate(batchRing)
	s.CreateKey("signet-ed", "ed25519")
	reg := prometheus.NewRegistry()
	b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.BatchMax, c.QueueMax, c.Registerer = 16, 64, reg })
	keys := []signer.Key{
		keyOf(s.Fake, batchRing, 1, signer.ES256), keyOf(s.Fake, batchRing, 2, signer.ES256), keyOf(s.Fake, "signet-ed", 1, signer.EdDSA),
	}
	var wg sync.WaitGroup
	for caller := range 48 {
		wg.Go(func() {
			for i := range 40 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(5) == 0 {
					go cancel()
				}
				req := request(keys[rand.IntN(len(keys))], fmt.Sprintf("%d/%d", caller, i))
				req.Client = fmt.Sprint(caller % 6)
				sig, err := b.Sign(ctx, req)
				switch {
				case err == nil:
					if err := signer.CheckSignature(req.Key, req.Input, sig); err != nil {
						t.Errorf("%s: %v", req.Reference, err)
					}
				case !errors.Is(err, signer.ErrOverloaded) && !errors.Is(err, context.Canceled):
					t.Errorf("%s: %v", req.Reference, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	closeBatcher(t, b)
	if b.Waiting() != 0 || b.Lanes() != 0 {
		t.Errorf("%d wait in %d lanes after the end", b.Waiting(), b.Lanes())
	}
	if n, err := testutil.GatherAndCount(reg, "signet_signs_total", "signet_sign_batch_size", "signet_sign_queue_depth", "signet_sign_vault_duration_seconds"); err != nil || n < 6 {
		t.Errorf("%d metrics, %v", n, err)
	}
}

func TestSigningMetrics(t *testing.T) {
	s := newSpy()
	s.CreateKey(batchRing, "ecdsa-p256")
	reg := prometheus.NewRegistry()
	b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.Registerer = reg })
	key := keyOf(s.Fake, batchRing, 1, signer.ES256)
	for i := range 3 {
		if _, err := b.Sign(t.Context(), request(key, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	s.Seal(true)
	if _, err := b.Sign(t.Context(), request(key, "sealed")); err == nil {
		t.Fatal("signed while sealed")
	}
	s.Seal(false)
	key.Version = 7
	if _, err := b.Sign(t.Context(), request(key, "unknown")); !errors.Is(err, signer.ErrVersionRefused) {
		t.Fatal(err)
	}
	closeBatcher(t, b)
	want := `
# HELP signet_signs_total Signatures asked for, by ring and result: ok, refused (key version), overloaded, unavailable, gone (the caller left).
# TYPE signet_signs_total counter
signet_signs_total{result="ok",ring="signet-es256"} 3
signet_signs_total{result="refused",ring="signet-es256"} 1
signet_signs_total{result="unavailable",ring="signet-es256"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "signet_signs_total"); err != nil {
		t.Error(err)
	}
}
