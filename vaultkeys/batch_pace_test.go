package vaultkeys_test

import (
	"fmt"
	"math/rand/v2"
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
			if took := time.Duration(len(r.references())) * perItem; took > timeout/8*5/4+perItem { // a quarter more: to see what more would cost
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

// vaultSpeed is what a request costs, and each signature in it.
type vaultSpeed struct {
	request, item time.Duration
	pause         time.Duration // of every twentieth request besides, on average
}

const (
	ms      = time.Millisecond
	second  = time.Second
	noReply = time.Hour
)

// TestSizeFollowsTheSpeed: what signatures cost makes requests smaller; what
// every request costs does not, or a slow disk would have many small requests
// wait for it; and a bad time leaves no trace.
func TestSizeFollowsTheSpeed(t *testing.T) {
	for name, c := range map[string]struct {
		alg           signer.Algorithm
		before, after vaultSpeed // for half a minute each
		min, max      float64    // of the mean size in the last third
		longest       time.Duration
	}{
		"fast":                    {signer.ES256, vaultSpeed{ms, ms / 20, 0}, vaultSpeed{ms, ms / 20, 0}, 127, 128, 10 * ms},
		"fast RSA":                {signer.RS256, vaultSpeed{ms, ms, 0}, vaultSpeed{ms, ms, 0}, 127, 128, 150 * ms},
		"slow":                    {signer.RS256, vaultSpeed{ms, 20 * ms, 0}, vaultSpeed{ms, 20 * ms, 0}, 10, 18, 600 * ms},
		"slow, assumed fast":      {signer.ES256, vaultSpeed{ms, 20 * ms, 0}, vaultSpeed{ms, 20 * ms, 0}, 10, 18, 600 * ms},
		"pauses":                  {signer.ES256, vaultSpeed{ms, ms / 20, 0}, vaultSpeed{ms, ms / 20, 400 * ms}, 90, 128, 500 * ms},
		"slow disk that pauses":   {signer.ES256, vaultSpeed{150 * ms, ms / 20, 300 * ms}, vaultSpeed{150 * ms, ms / 20, 300 * ms}, 80, 128, 600 * ms},
		"very slow":               {signer.RS256, vaultSpeed{ms, 300 * ms, 0}, vaultSpeed{ms, 300 * ms, 0}, 1, 2, 900 * ms},
		"slow disk":               {signer.ES256, vaultSpeed{300 * ms, ms / 20, 0}, vaultSpeed{300 * ms, ms / 20, 0}, 110, 128, 400 * ms},
		"slow disk, RSA":          {signer.RS256, vaultSpeed{300 * ms, ms / 2, 0}, vaultSpeed{300 * ms, ms / 2, 0}, 110, 128, 500 * ms},
		"slow disk and key":       {signer.RS256, vaultSpeed{300 * ms, 20 * ms, 0}, vaultSpeed{300 * ms, 20 * ms, 0}, 5, 30, 1300 * ms},
		"the disk becomes slow":   {signer.ES256, vaultSpeed{ms, ms / 20, 0}, vaultSpeed{400 * ms, ms / 20, 0}, 110, 128, 500 * ms},
		"the disk was very slow":  {signer.ES256, vaultSpeed{1500 * ms, ms / 20, 0}, vaultSpeed{ms, ms / 20, 0}, 127, 128, 10 * ms},
		"there was no reply":      {signer.ES256, vaultSpeed{noReply, 0, 0}, vaultSpeed{ms, ms / 20, 0}, 127, 128, 10 * ms},
		"the key was slow":        {signer.RS256, vaultSpeed{ms, 20 * ms, 0}, vaultSpeed{ms, ms / 2, 0}, 127, 128, 100 * ms},
		"the key was fast before": {signer.RS256, vaultSpeed{ms, ms / 2, 0}, vaultSpeed{ms, 20 * ms, 0}, 10, 18, 600 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(50) {
				mean, longest := paceOf(c.alg, c.before, c.after, rand.New(rand.NewPCG(seed, 0)))
				if mean < c.min || mean > c.max || longest > c.longest {
					t.Errorf("seed %d: mean size %.1f, want %v to %v; the longest request took %v, want at most %v",
						seed, mean, c.min, c.max, longest, c.longest)
				}
			}
		})
	}
}

// paceOf simulates a minute in which more wait than any request takes, with a
// tenth of noise either way: the mean size and the longest request of the last
// 20 seconds.
func paceOf(alg signer.Algorithm, before, after vaultSpeed, random *rand.Rand) (mean float64, longest time.Duration) {
	const timeout = 2 * second
	p := vaultkeys.NewPace(alg, 128)
	var items, requests int
	for now := time.Duration(0); now < 60*second; {
		speed := before
		if now > 30*second {
			speed = after
		}
		n := p.Size()
		took := speed.request + time.Duration(n)*speed.item
		took = took*9/10 + time.Duration(random.Int64N(int64(took/5)))
		if random.IntN(20) == 0 {
			took += speed.pause
		}
		took = min(took, timeout)
		p.Answered(n, took, timeout)
		if now += took; now > 40*second {
			items, requests, longest = items+n, requests+1, max(longest, took)
		}
	}
	return float64(items) / float64(requests), longest
}

// TestPaceOutlivesItsLane: a key that proved slow is not tried with a large
// request again after every quiet moment, nor in its next version.
func TestPaceOutlivesItsLane(t *testing.T) {
	const perItem = 20 * ms
	synctest.Test(t, func(t *testing.T) {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256") // assumed to be fast, and is not
		s.Rotate(batchRing)
		s.service = func(items int) time.Duration { return time.Duration(items) * perItem }
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		burst := func(version int) {
			key := keyOf(s.Fake, batchRing, version, signer.ES256)
			var outs []<-chan outcome
			for i := range 150 {
				outs = append(outs, signAsync(t.Context(), b, request(key, fmt.Sprint(i))))
			}
			for _, o := range outs {
				if got := <-o; got.err != nil {
					t.Fatal(got.err)
				}
			}
		}
		burst(1)
		synctest.Wait()
		before := len(s.requests())
		burst(1)
		burst(2)
		for _, r := range s.requests()[before:] {
			if n := len(r.references()); n > 20 {
				t.Errorf("version %s: %d signatures in one request", r.KeyVersion, n)
			}
		}
		closeBatcher(t, b)
	})
}
