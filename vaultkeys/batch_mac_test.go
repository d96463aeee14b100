package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// macStack has a Batcher with one HS256 key, whose eight places for checks are
// taken by a client "greedy".
func macStack(t *testing.T, s *spy, queueMax int) (b *vaultkeys.Batcher, check func(ctx context.Context, client string) <-chan outcome) {
	t.Helper()
	s.CreateKey("macs", "hmac")
	key := keyOf(s.Fake, "macs", 1, signer.HS256)
	b = newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.QueueMax = 2, queueMax })
	check = func(ctx context.Context, client string) <-chan outcome {
		out := make(chan outcome, 1)
		go func() {
			valid, err := b.VerifyMAC(ctx, requestOf(client, key, client), make([]byte, 32))
			if valid {
				err = errors.New("a tag of zeros is valid")
			}
			out <- outcome{err: err}
		}()
		synctest.Wait()
		return out
	}
	for range 8 {
		check(t.Context(), "greedy")
	}
	return b, check
}

// TestChecksTakeTurns: one who has a token checked does not wait for all that
// another client has checked, and a canary waits for nobody.
func TestChecksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.service = func(int) time.Duration { return time.Second }
		b, check := macStack(t, s, 4096)
		defer closeBatcher(t, b)
		for range 500 { // a minute of work
			check(t.Context(), "greedy")
		}
		began := time.Now()
		for _, client := range []string{"victim", ""} {
			if o := <-check(t.Context(), client); o.err != nil {
				t.Error(o.err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("%q waited %v beside another client's 500, want its turn and the one before", client, took)
			}
		}
		time.Sleep(2 * time.Minute)
	})
}

// TestChecksAreBounded: no client fills more than a quarter of the waiting
// places, and one that leaves gives its place back.
func TestChecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.gate = make(chan struct{})
		b, check := macStack(t, s, 16)
		defer closeBatcher(t, b)
		ctx, leave := context.WithCancel(t.Context())
		var outs []<-chan outcome
		for range 4 {
			outs = append(outs, check(ctx, "greedy"))
		}
		wantErr(t, (<-check(t.Context(), "greedy")).err, signer.ErrOverloaded)
		for i := range 12 {
			outs = append(outs, check(ctx, fmt.Sprint(i%6)))
		}
		wantErr(t, (<-check(t.Context(), "one more")).err, signer.ErrOverloaded)
		canary := check(t.Context(), "")
		leave()
		for _, o := range outs {
			wantErr(t, (<-o).err, signer.ErrUnavailable, context.Canceled)
		}
		after := check(t.Context(), "greedy")
		close(s.gate)
		for _, o := range []<-chan outcome{canary, after} {
			if got := <-o; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// TestHangingUpEndsNoCheck: that would cost the connection of the request. Its
// deadline does.
func TestHangingUpEndsNoCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.gate = make(chan struct{})
		b, check := macStack(t, s, 16)
		defer closeBatcher(t, b)
		ctx, hangUp := context.WithCancel(t.Context())
		asked := check(ctx, "client")
		s.gate <- struct{}{} // one of the eight leaves: the request goes out
		synctest.Wait()
		hangUp()
		synctest.Wait()
		select {
		case o := <-asked:
			t.Fatalf("ended with %v before Vault answered", o.err)
		default:
		}
		for range 8 { // it is the last of those that are out
			s.gate <- struct{}{}
		}
		if o := <-asked; o.err != nil {
			t.Error(o.err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		wantErr(t, (<-check(ctx, "client")).err, signer.ErrUnavailable, context.DeadlineExceeded)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("ended after %v", took)
		}
		close(s.gate)
	})
}

// endsAt is a context that has ended by the time it is first waited for, and
// until returns just then.
type endsAt struct {
	context.Context //nolint:containedctx // it is one

	once  sync.Once
	until func()
}

func (e *endsAt) Done() <-chan struct{} {
	e.once.Do(e.until)
	ended := make(chan struct{})
	close(ended)
	return ended
}

func (*endsAt) Err() error { return context.Canceled }

// TestNoPlaceForChecksIsLost: whoever leaves just when its turn comes passes it
// on.
func TestNoPlaceForChecksIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.gate = make(chan struct{})
		b, check := macStack(t, s, 4096)
		defer closeBatcher(t, b)
		for i := range 30 { // each time either end of the race may be seen
			turn := make(chan struct{})
			leaver := check(&endsAt{Context: t.Context(), until: func() { <-turn }}, "leaver")
			s.gate <- struct{}{} // one of the eight leaves: it is the leaver's turn
			synctest.Wait()
			close(turn)
			wantErr(t, (<-leaver).err, signer.ErrUnavailable)
			synctest.Wait()
			before := len(s.requests())
			check(t.Context(), "greedy")
			if len(s.requests()) != before+1 {
				t.Fatalf("a place was lost in round %d", i)
			}
		}
		close(s.gate)
	})
}
