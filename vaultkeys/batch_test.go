package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
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
		if got, err := b.VerifyMAC(t.Context(), c.key, c.input, c.mac); err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
	}
}

// TestGroupCommit: idle, a request goes out alone and at once; what comes
// while the allowed number is out makes up the next request, in order.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
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

// TestVersionsNeverShareARequest: key_version is the request's, not an item's.
func TestVersionsNeverShareARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.CreateKey("signet-ed", "ed25519")
		s.Rotate(batchRing)
		s.gate = make(chan struct{}, 100)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.VerifyAll = 1, true })
		keys := []signer.Key{
			keyOf(s.Fake, batchRing, 1, signer.ES256), keyOf(s.Fake, batchRing, 2, signer.ES256), keyOf(s.Fake, "signet-ed", 1, signer.EdDSA),
		}
		var reqs []signer.Request
		var outs []<-chan outcome
		for i := range 12 {
			req := request(keys[i%3], fmt.Sprintf("%s/%d", keys[i%3].KID, i))
			reqs, outs = append(reqs, req), append(outs, signAsync(t.Context(), b, req))
		}
		synctest.Wait()
		for range 12 {
			s.gate <- struct{}{}
		}
		for i, req := range reqs {
			mustVerify(t, req, <-outs[i])
		}
		for _, sent := range s.requests() {
			ring := strings.TrimPrefix(sent.Path, "transit/sign/")
			for _, ref := range sent.references() {
				if !strings.HasPrefix(ref, ring+"-"+sent.KeyVersion+"/") {
					t.Errorf("%q was sent to %s version %s", ref, ring, sent.KeyVersion)
				}
			}
		}
		closeBatcher(t, b)
	})
}

// TestOneCallerLeaving: it returns at once, is not sent if it was not yet, and
// never takes the others of its batch along.
func TestOneCallerLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })

		first := signAsync(t.Context(), b, request(key, "first"))
		synctest.Wait()
		leaverCtx, leave := context.WithCancel(t.Context())
		queuedCtx, leaveQueue := context.WithCancel(t.Context())
		leaver := signAsync(leaverCtx, b, request(key, "leaver"))
		synctest.Wait()
		stayer := signAsync(t.Context(), b, request(key, "stayer"))
		queued := signAsync(queuedCtx, b, request(key, "never sent"))
		synctest.Wait()

		leaveQueue()
		o := <-queued
		wantErr(t, o.err, signer.ErrUnavailable, context.Canceled)
		if b.Waiting() != 2 {
			t.Errorf("%d wait: the place of the one who left is not free", b.Waiting())
		}
		s.gate <- struct{}{} // first; then leaver and stayer are in flight
		mustVerify(t, request(key, "first"), <-first)
		synctest.Wait()
		leave()
		o = <-leaver
		wantErr(t, o.err, signer.ErrUnavailable, context.Canceled)
		s.gate <- struct{}{}
		mustVerify(t, request(key, "stayer"), <-stayer)

		if got := s.requests(); len(got) != 2 || !slices.Equal(got[1].references(), []string{"leaver", "stayer"}) {
			t.Errorf("requests: %v", got)
		}
		if _, err := b.Sign(leaverCtx, request(key, "late")); !errors.Is(err, context.Canceled) {
			t.Errorf("with an ended context: %v", err)
		}
		closeBatcher(t, b)
	})
}

// unnoticed is a context whose end its own caller has not been woken for yet.
type unnoticed struct {
	context.Context //nolint:containedctx // it is one

	ended atomic.Bool
}

func (u *unnoticed) Done() <-chan struct{} { return nil }

func (u *unnoticed) Err() error {
	if u.ended.Load() {
		return context.Canceled
	}
	return nil
}

// TestGoneButNotYetAwake: the last look before sending leaves a caller out whose
// own goroutine has not run since it left.
func TestGoneButNotYetAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		first := signAsync(t.Context(), b, request(key, "first"))
		synctest.Wait()
		ctx := &unnoticed{Context: t.Context()}
		gone := signAsync(ctx, b, request(key, "gone"))
		stayer := signAsync(t.Context(), b, request(key, "stayer"))
		synctest.Wait()
		ctx.ended.Store(true)
		close(s.gate)
		mustVerify(t, request(key, "first"), <-first)
		mustVerify(t, request(key, "stayer"), <-stayer)
		wantErr(t, (<-gone).err, signer.ErrUnavailable)
		if got := s.requests(); len(got) != 2 || !slices.Equal(got[1].references(), []string{"stayer"}) {
			t.Errorf("requests: %v", got)
		}
		closeBatcher(t, b)
	})
}

func TestFullQueueIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.QueueMax, c.BatchMax = 1, 8, 3 })
		ctx, leave := context.WithCancel(t.Context())
		var outs []<-chan outcome
		for i := range 9 { // one out, eight waiting
			outs = append(outs, signAsync(ctx, b, request(key, fmt.Sprint(i))))
			synctest.Wait()
		}
		_, err := b.Sign(t.Context(), request(key, "one too many"))
		wantErr(t, err, signer.ErrOverloaded)
		if errors.Is(err, signer.ErrUnavailable) {
			t.Errorf("overload is not an outage: %v", err)
		}
		leave() // frees eight places
		for _, o := range outs {
			<-o
		}
		again := signAsync(t.Context(), b, request(key, "again"))
		synctest.Wait()
		close(s.gate)
		mustVerify(t, request(key, "again"), <-again)
		closeBatcher(t, b)
	})
}

// TestNoClientFillsMoreThanAQuarter: canaries have no client and no limit.
func TestNoClientFillsMoreThanAQuarter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.QueueMax = 1, 16 })
		n := 0
		from := func(client string) <-chan outcome {
			n++
			req := request(key, fmt.Sprint(n))
			req.Client = client
			out := signAsync(t.Context(), b, req)
			synctest.Wait()
			return out
		}
		outs := []<-chan outcome{from("hungry")} // is out, does not wait
		for range 4 {
			outs = append(outs, from("hungry"))
		}
		wantErr(t, (<-from("hungry")).err, signer.ErrOverloaded)
		for range 4 {
			outs = append(outs, from("modest"))
		}
		for range 6 { // more than a quarter
			outs = append(outs, from(""))
		}
		if got := b.Waiting(); got != 14 {
			t.Errorf("%d wait, want 14", got)
		}
		close(s.gate)
		for _, o := range outs {
			if got := <-o; got.err != nil {
				t.Error(got.err)
			}
		}
		if o := <-from("hungry"); o.err != nil {
			t.Errorf("after the queue emptied: %v", o.err)
		}
		closeBatcher(t, b)
	})
}

// TestDuplicateReferences: the echo could not tell two items of one reference
// apart, so they never share a request.
func TestDuplicateReferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		var reqs []signer.Request
		var outs []<-chan outcome
		for i, ref := range []string{"a", "b", "b", "", "", "c", "b"} {
			req := signer.Request{Key: key, Input: fmt.Appendf(nil, "input %d", i), Reference: ref}
			reqs, outs = append(reqs, req), append(outs, signAsync(t.Context(), b, req))
			synctest.Wait()
		}
		close(s.gate)
		for i, req := range reqs {
			mustVerify(t, req, <-outs[i])
		}
		var got [][]string
		for _, r := range s.requests() {
			got = append(got, r.references())
		}
		if want := [][]string{{"a"}, {"b", "", "c"}, {"b", ""}, {"b"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("batches %v, want %v", got, want)
		}
		closeBatcher(t, b)
	})
}

func TestTimedOutBatchIsRetriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
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
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
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
			var log syncBuffer
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
			_, err = b.VerifyMAC(t.Context(), hmacKey, []byte("x"), make([]byte, 32))
			if refused := errors.Is(c.err, vaultapi.ErrVersionRefused); refused && err != nil || !refused && !errors.Is(err, signer.ErrUnavailable) {
				t.Errorf("VerifyMAC: %v", err)
			}
		})
	}
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
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
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
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.gate = make(chan struct{})
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
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
	if n, err := testutil.GatherAndCount(reg, "signet_signs_total", "signet_sign_batch_size", "signet_sign_queue_depth", "signet_sign_vault_seconds"); err != nil || n < 6 {
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
