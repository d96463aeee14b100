package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"signet/signer"
	"signet/vaultkeys"
)

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
		s, key := newGatedSpy()
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
		s, key := newGatedSpy()
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
		s, key := newGatedSpy()
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
		s, key := newGatedSpy()
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
		s, key := newGatedSpy()
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
		if want := [][]string{{"a"}, {"b"}, {"b", ""}, {"", "c", "b"}}; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("batches %v, want %v", got, want)
		}
		closeBatcher(t, b)
	})
}
