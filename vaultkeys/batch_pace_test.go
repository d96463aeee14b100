package vaultkeys_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// TestBatchesFitTheKeysSpeed: a slow key gets small requests, which end far
// below the timeout, and its callers all get their signatures.
func TestBatchesFitTheKeysSpeed(t *testing.T) {
	const perItem, timeout = 20 * time.Millisecond, 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "rsa-2048")
		s.service = func(items int) time.Duration { return time.Duration(items) * perItem }
		key := keyOf(s.Fake, batchRing, 1, signer.RS256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.Timeout = timeout })
		var outs []<-chan outcome
		for i := range 200 { // 128 in one request would take 2.56 s
			outs = append(outs, signAsync(t.Context(), b, request(key, fmt.Sprint(i))))
		}
		for _, o := range outs {
			if got := <-o; got.err != nil {
				t.Fatal(got.err)
			}
		}
		for i, r := range s.requests() {
			if took := time.Duration(len(r.references())) * perItem; took > timeout/8+perItem {
				t.Errorf("request %d asks for %d signatures, %v of work", i, len(r.references()), took)
			}
		}
		closeBatcher(t, b)
	})
}

// TestTimedOutBatchIsSentInSmallerOnes: Vault would not be faster the second time.
func TestTimedOutBatchIsSentInSmallerOnes(t *testing.T) {
	const perItem, timeout = 20 * time.Millisecond, 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256") // assumed to be fast, and is not
		s.service = func(items int) time.Duration { return time.Duration(items) * perItem }
		key := keyOf(s.Fake, batchRing, 1, signer.ES256)
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.Timeout = 1, timeout })
		outs := []<-chan outcome{signAsync(t.Context(), b, request(key, "first"))}
		synctest.Wait()
		for i := range 128 {
			outs = append(outs, signAsync(t.Context(), b, request(key, fmt.Sprint(i))))
		}
		for _, o := range outs {
			if got := <-o; got.err != nil {
				t.Fatal(got.err)
			}
		}
		closeBatcher(t, b)
	})
}
