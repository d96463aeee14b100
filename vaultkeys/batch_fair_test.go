package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"signet/signer"
	"signet/vaultkeys"
)

func requestOf(client string, key signer.Key, id string) signer.Request {
	req := request(key, id)
	req.Client = client
	return req
}

// keepAsking is one connection of a client: it asks again as soon as it has its
// answer, until ctx ends.
func keepAsking(ctx context.Context, b *vaultkeys.Batcher, client string, key signer.Key, id string) {
	for i := 0; ctx.Err() == nil; i++ {
		_, _ = b.Sign(ctx, requestOf(client, key, fmt.Sprintf("%s-%d", id, i)))
	}
}

// TestOthersConnectionsDoNotMatter: one connection waits for the request that is
// out and for its own, however many connections another client has.
func TestOthersConnectionsDoNotMatter(t *testing.T) {
	const perItem = time.Millisecond
	for _, connections := range []int{10, 300, 1000} {
		synctest.Test(t, func(t *testing.T) {
			s := newSpy()
			s.CreateKey(batchRing, "ecdsa-p256")
			s.service = func(items int) time.Duration { return time.Duration(items) * perItem }
			key := keyOf(s.Fake, batchRing, 1, signer.ES256)
			b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.BatchMax = 16 })
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			for i := range connections {
				go keepAsking(ctx, b, "greedy", key, fmt.Sprint(i))
			}
			synctest.Wait()
			for i := range 20 {
				began := time.Now()
				mustSign(t, b, requestOf("victim", key, fmt.Sprintf("victim-%d", i)))
				if took := time.Since(began); took > 2*16*perItem {
					t.Errorf("beside %d connections: %v, want at most two batches, %v", connections, took, 2*16*perItem)
				}
			}
			leave()
			closeBatcher(t, b)
		})
	}
}

func mustSign(t testing.TB, b *vaultkeys.Batcher, req signer.Request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sig, err := b.Sign(ctx, req)
	mustVerify(t, req, outcome{sig, err})
}

// TestNoClientComesFirst: a canary is in the next request, whoever waits.
func TestNoClientComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b := newBatcher(s, func(c *vaultkeys.BatcherConfig) { c.InFlight, c.BatchMax = 1, 3 })
		var outs []<-chan outcome
		for i := range 40 { // of 20 clients
			outs = append(outs, signAsync(t.Context(), b, requestOf(fmt.Sprint(i%20), key, fmt.Sprint(i))))
			synctest.Wait()
		}
		outs = append(outs, signAsync(t.Context(), b, request(key, "canary")))
		synctest.Wait()
		close(s.gate)
		for _, o := range outs {
			if got := <-o; got.err != nil {
				t.Error(got.err)
			}
		}
		if second := s.requests()[1].references(); second[0] != "canary" {
			t.Errorf("the request after the canary came is %v", second)
		}
		closeBatcher(t, b)
	})
}

// waits is an item of TestClientsTakeTurns: when it came, and when it was sent.
type waits struct {
	client     string
	came, sent int // the latter -1 if never
	left       int // the moment at which its caller left, -1 if never
	leave      context.CancelFunc
	out        <-chan outcome
}

// TestClientsTakeTurns: while a client waits, nobody is served twice in between.
func TestClientsTakeTurns(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		batchMax := rapid.IntRange(1, 5).Draw(rt, "batchMax")
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 60).Draw(rt, "steps")
		var violation error
		synctest.Test(t, func(t *testing.T) { violation = takeTurns(t, batchMax, steps) })
		if violation != nil {
			rt.Fatal(violation)
		}
	})
}

// takeTurns plays steps: 0 to 6 a request of that client (0: of none), 7 the
// oldest waiting caller leaves, 8 and 9 Vault answers a request.
func takeTurns(t *testing.T, batchMax int, steps []int) error {
	s := newSpy()
	s.CreateKey("turns", "ed25519")
	s.gate = make(chan struct{})
	key := keyOf(s.Fake, "turns", 1, signer.EdDSA)
	b := newBatcher(s, func(c *vaultkeys.BatcherConfig) {
		c.InFlight, c.BatchMax, c.QueueMax, c.Timeout = 1, batchMax, 1000, time.Hour
	})
	items := map[string]*waits{}
	var order []*waits // as sent
	moment, requests := 0, 0
	look := func() {
		synctest.Wait()
		for ; requests < len(s.requests()); requests++ {
			for _, ref := range s.requests()[requests].references() {
				moment++
				items[ref].sent = moment
				order = append(order, items[ref])
			}
		}
	}
	for i, step := range steps {
		moment++
		switch {
		case step <= 6:
			client := ""
			if step > 0 {
				client = fmt.Sprint("client ", step)
			}
			ctx, leave := context.WithCancel(t.Context())
			id := fmt.Sprint(i)
			items[id] = &waits{client: client, came: moment, sent: -1, left: -1, leave: leave}
			items[id].out = signAsync(ctx, b, requestOf(client, key, id))
		case step == 7:
			var oldest *waits
			for _, it := range items {
				if it.sent < 0 && it.left < 0 && (oldest == nil || it.came < oldest.came) {
					oldest = it
				}
			}
			if oldest != nil {
				oldest.left = moment
				oldest.leave()
			}
		case b.Waiting() > 0:
			s.gate <- struct{}{}
		}
		look()
	}
	close(s.gate)
	for _, it := range items {
		if got := <-it.out; got.err != nil && !errors.Is(got.err, context.Canceled) {
			return got.err
		}
		it.leave()
	}
	look()
	closeBatcher(t, b)
	return checkTurns(order, items)
}

// checkTurns wants that nothing of a client is sent while something of no client
// waits, and nothing twice of one client while another client waits.
func checkTurns(order []*waits, items map[string]*waits) error {
	last := map[string]*waits{} // by client: what was sent of it last
	for _, it := range order {
		before := last[it.client]
		last[it.client] = it
		for id, other := range items {
			if it.client == "" || other.client == it.client || other.left >= 0 || other.sent < it.sent || other.came > it.sent {
				continue
			}
			if other.client == "" {
				return fmt.Errorf("%s of no client waited while %q was served", id, it.client)
			}
			if before == nil || other.came > before.sent {
				continue
			}
			if between := last[other.client]; between == nil || between.sent < before.sent {
				return fmt.Errorf("%s of %q waited while %q was served at %d and at %d", id, other.client, it.client, before.sent, it.sent)
			}
		}
	}
	return nil
}
