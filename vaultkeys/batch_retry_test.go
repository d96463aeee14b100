package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/internal/logtest"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

func TestTimedOutBatchIsRetriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })

		began := time.Now()
		o := <-signAsync(t.Context(), b, request(key, "hopeless"))
		wantErr(t, o.err, signer.ErrUnavailable, context.DeadlineExceeded)
		if took := time.Since(began); took != 4*time.Second || len(s.requests()) != 2 {
			t.Errorf("%d requests in %v, want 2 in 4s", len(s.requests()), took)
		}

		// Only those who still wait are sent again.
		blocker := signAsync(t.Context(), b, request(key, "blocker"))
		synctest.Wait()
		ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
		defer leave()
		leaver, stayer := signAsync(ctx, b, request(key, "leaver")), signAsync(t.Context(), b, request(key, "stayer"))
		synctest.Wait()
		s.gate <- struct{}{}
		mustVerify(t, request(key, "blocker"), <-blocker)
		wantErr(t, (<-leaver).err, signer.ErrUnavailable, context.DeadlineExceeded)
		stillThere, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_ = stillThere
		close(s.gate)
		mustVerify(t, request(key, "stayer"), <-stayer)
		last := s.requests()[len(s.requests())-1]
		if len(last.references()) == 0 || !slices.Contains(last.references(), "stayer") {
			t.Errorf("last request: %v", last.references())
		}
		closeBatcher(t, b)
	})
}

// TestRetryLeavesOutWhoHasGone: a caller who left during the first try is not
// in the second.
func TestRetryLeavesOutWhoHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		blocker := signAsync(t.Context(), b, request(key, "blocker"))
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		leaver := signAsync(ctx, b, request(key, "leaver"))
		synctest.Wait()
		stayer := signAsync(t.Context(), b, request(key, "stayer"))
		synctest.Wait()
		s.gate <- struct{}{}
		mustVerify(t, request(key, "blocker"), <-blocker)
		time.Sleep(time.Second) // the bubble's time: half the batch's deadline
		leave()
		wantErr(t, (<-leaver).err, context.Canceled)
		time.Sleep(1500 * time.Millisecond)
		close(s.gate)
		mustVerify(t, request(key, "stayer"), <-stayer)
		got := s.requests()
		if len(got) != 3 || !slices.Equal(got[1].references(), []string{"leaver", "stayer"}) || !slices.Equal(got[2].references(), []string{"stayer"}) {
			t.Errorf("requests: %v", got)
		}
		closeBatcher(t, b)
	})
}

func TestVersionRefusedReachesEveryCaller(t *testing.T) {
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		synctest.Test(t, func(t *testing.T) {
			s := newSpy()
			s.CreateKey(batchRing, vaultkeys.ParamsOf(alg, 0).KeyType)
			s.Rotate(batchRing)
			s.Configure(batchRing, 1, 2)
			s.gate = make(chan struct{})
			b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
			var outs []<-chan outcome
			for i := range 5 {
				outs = append(outs, signAsync(t.Context(), b, request(keyOf(s.Fake, batchRing, 1, alg), fmt.Sprint(i))))
				synctest.Wait()
			}
			close(s.gate)
			for _, o := range outs {
				wantErr(t, (<-o).err, signer.ErrVersionRefused)
			}
			if n := len(s.requests()); n != 2 {
				t.Errorf("%s: %d requests, want 2: a refusal is not retried", alg, n)
			}
			closeBatcher(t, b)
		})
	}
}

func TestFailuresAreClassified(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		want  error
		calls int
	}{
		"sealed":        {vaultapi.ErrSealed, signer.ErrUnavailable, 1},
		"unavailable":   {vaultapi.ErrUnavailable, signer.ErrUnavailable, 1},
		"denied":        {vaultapi.ErrPermissionDenied, signer.ErrUnavailable, 1},
		"token invalid": {vaultapi.ErrTokenInvalid, signer.ErrUnavailable, 1},
		"not found":     {vaultapi.ErrNotFound, signer.ErrUnavailable, 1},
		"bad request":   {vaultapi.ErrBadRequest, signer.ErrUnavailable, 1},
		"refused":       {vaultapi.ErrVersionRefused, signer.ErrVersionRefused, 1},
		"timed out":     {fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, context.DeadlineExceeded), signer.ErrUnavailable, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSpy()
			s.CreateKey(batchRing, "ecdsa-p256")
			s.Fail(func(string, string) error { return c.err })
			var log logtest.Buffer
			b := newBatcher(s, func(cfg *vaultkeys.BatcherConfig) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			defer closeBatcher(t, b)
			_, err := b.Sign(t.Context(), request(keyOf(s.Fake, batchRing, 1, signer.ES256), "x"))
			wantErr(t, err, c.want, c.err)
			if n := len(s.requests()); n != c.calls {
				t.Errorf("%d requests, want %d", n, c.calls)
			}
			if loud := strings.Contains(log.String(), "level=ERROR"); name == "denied" && !loud {
				t.Errorf("a denied permission is not loud: %s", log.String())
			}
			hmacKey := signer.Key{Ring: batchRing, Version: 1, Algorithm: signer.HS256}
			_, err = b.VerifyMAC(t.Context(), request(hmacKey, "x"), make([]byte, 32))
			if refused := errors.Is(c.err, vaultapi.ErrVersionRefused); refused && err != nil || !refused && !errors.Is(err, signer.ErrUnavailable) {
				t.Errorf("VerifyMAC: %v", err)
			}
		})
	}
}

// TestWhatTimedOutWaitsAgain: it is sent in smaller requests, a canary and
// another client come in between, and one that times out again takes only its
// own along.
func TestWhatTimedOutWaitsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newKeyedSpy()
		s.service = func(int) time.Duration {
			if n := len(s.requests()); n == 2 || n == 4 {
				return time.Hour
			}
			return time.Second
		}
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		of := func(client, id string) <-chan outcome {
			out := signAsync(t.Context(), b, requestOf(client, key, id))
			synctest.Wait()
			return out
		}
		var outs []<-chan outcome
		outs = append(outs, of("many", "first"))
		for i := range 8 {
			outs = append(outs, of("many", fmt.Sprint(i)))
		}
		time.Sleep(1500 * time.Millisecond) // the eight are out, and will get no answer
		synctest.Wait()
		outs = append(outs, of("other", "other"), of("", "canary"))
		time.Sleep(2 * time.Second) // they timed out
		synctest.Wait()
		if got := s.requests()[2].references(); !slices.Equal(got, []string{"canary", "other", "0", "1"}) {
			t.Errorf("after the timeout: %v", got)
		}
		for i, o := range outs {
			got := <-o
			lost := i == 3 || i == 4 // "2" and "3", in the fourth request
			if lost != errors.Is(got.err, context.DeadlineExceeded) || !lost && got.err != nil {
				t.Errorf("%d: %v, want lost = %t", i, got.err, lost)
			}
		}
		closeBatcher(t, b)
	})
}
