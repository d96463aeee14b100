package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// oneKey is a signer.Keys with one key.
type oneKey struct {
	signer.Keys

	key signer.Key
}

func (k oneKey) SigningKey(string) (signer.Key, error) { return k.key, nil }

// TestCanaryBesideACrowd: however much is asked for, the canary proves that Vault
// works; and when Vault hangs, the crowd does not hide it.
func TestCanaryBesideACrowd(t *testing.T) {
	for _, alg := range []signer.Algorithm{signer.ES256, signer.HS256} {
		synctest.Test(t, func(t *testing.T) {
			s := newSpy()
			s.CreateKey(batchRing, vaultkeys.ParamsOf(alg, 0).KeyType)
			var hangs atomic.Bool
			s.service = func(items int) time.Duration {
				if hangs.Load() {
					return time.Hour
				}
				return time.Duration(items) * 20 * time.Millisecond
			}
			key := keyOf(s.Fake, batchRing, 1, alg)
			b := newBatcher(s, nil)
			c := signer.NewCanary(signer.CanaryConfig{
				Keys: oneKey{key: key}, Backend: b, Rings: []string{batchRing}, Logger: slog.New(slog.DiscardHandler),
			})
			ctx, leave := context.WithCancel(t.Context())
			for i := range 1200 { // 100 a second are possible
				go keepAsking(ctx, b, fmt.Sprint("client ", i%40), key, fmt.Sprint(i))
			}
			time.Sleep(10 * time.Second)
			done := make(chan error, 1)
			go func() { done <- c.Run(ctx) }()
			for range 60 {
				time.Sleep(time.Second)
				if err := c.Err(batchRing); err != nil {
					t.Fatalf("%s: the breaker opens under mere load: %v", alg, err)
				}
			}
			if err, tried := c.Status()[batchRing]; err != nil || !tried {
				t.Errorf("%s: %v after a minute, tried %t", alg, err, tried)
			}
			hangs.Store(true)
			for range 5 {
				c.Suspect(batchRing) // as every failed signature does
				time.Sleep(time.Second)
			}
			if c.Err(batchRing) == nil {
				t.Errorf("%s: Vault has hung for 5 s, and the breaker lets through", alg)
			}
			leave()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("Run ended with %v", err)
			}
			closeBatcher(t, b)
		})
	}
}

// TestTimeUpBeforeBeingSent: it says nothing against Vault if others were served
// meanwhile, and everything if nobody was.
func TestTimeUpBeforeBeingSent(t *testing.T) {
	for answers, want := range map[int]error{0: signer.ErrUnavailable, 1: signer.ErrOverloaded} {
		synctest.Test(t, func(t *testing.T) {
			s, key := newGatedSpy()
			b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.BatchMax, c.Timeout = 1, 1, time.Hour })
			var outs []<-chan outcome
			for i := range 3 {
				outs = append(outs, signAsync(t.Context(), b, requestOf(fmt.Sprint(i), key, fmt.Sprint(i))))
				synctest.Wait()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			late := signAsync(ctx, b, requestOf("late", key, "late"))
			synctest.Wait()
			for range answers {
				s.gate <- struct{}{}
			}
			o := <-late
			wantErr(t, o.err, want, context.DeadlineExceeded)
			if errors.Is(o.err, signer.ErrUnavailable) == errors.Is(o.err, signer.ErrOverloaded) {
				t.Errorf("%v is both or neither", o.err)
			}
			close(s.gate)
			for _, o := range outs {
				<-o
			}
			closeBatcher(t, b)
		})
	}
}
