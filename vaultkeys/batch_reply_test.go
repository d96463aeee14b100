package vaultkeys_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// faults are the ways in which a reply with status 200 can be wrong; each
// changes the reply to a batch of two.
var faults = map[string]func(data map[string]any){
	"one result missing": func(d map[string]any) {
		list, _ := d["batch_results"].([]any)
		d["batch_results"] = list[:1]
	},
	"one result too many": func(d map[string]any) {
		list, _ := d["batch_results"].([]any)
		d["batch_results"] = append(list, list[0])
	},
	"no results":        func(d map[string]any) { delete(d, "batch_results") },
	"references swap":   func(d map[string]any) { swap(d, "reference") },
	"reference missing": func(d map[string]any) { delete(resultOf(d, 1), "reference") },
	"other key_version": func(d map[string]any) { resultOf(d, 1)["key_version"] = 2 },
	"key_version 0":     func(d map[string]any) { resultOf(d, 1)["key_version"] = 0 },
	"other prefix":      func(d map[string]any) { relabel(d, "vault:v2:") },
	"no prefix":         func(d map[string]any) { relabel(d, "") },
	"prefix v01":        func(d map[string]any) { relabel(d, "vault:v01:") },
	"padded":            func(d map[string]any) { resultOf(d, 1)["signature"] = fmt.Sprint(resultOf(d, 1)["signature"], "==") },
	"line break":        func(d map[string]any) { relabel(d, "vault:v1:\n") },
	"too short":         func(d map[string]any) { resultOf(d, 1)["signature"] = "vault:v1:AAAA" },
	"empty":             func(d map[string]any) { resultOf(d, 1)["signature"] = "" },
	"signatures swap":   func(d map[string]any) { swap(d, "signature") },
	"zeros": func(d map[string]any) { // CVE-2022-21449
		for i := range 2 {
			resultOf(d, i)["signature"] = "vault:v1:" + strings.Repeat("A", 86)
		}
	},
}

func swap(d map[string]any, field string) {
	a, b := resultOf(d, 0), resultOf(d, 1)
	a[field], b[field] = b[field], a[field]
}

// relabel gives the second signature another prefix than its own, "vault:v1:".
func relabel(d map[string]any, prefix string) {
	r := resultOf(d, 1)
	r["signature"] = strings.Replace(fmt.Sprint(r["signature"]), "vault:v1:", prefix, 1)
}

// pair signs two requests in one batch, behind a blocker.
func pair(t *testing.T, s *spy, b *vaultkeys.Batcher, key signer.Key) [2]outcome {
	t.Helper()
	blocker := signAsync(t.Context(), b, request(key, "blocker"))
	synctest.Wait()
	one := signAsync(t.Context(), b, request(key, "one"))
	synctest.Wait()
	two := signAsync(t.Context(), b, request(key, "two"))
	synctest.Wait()
	close(s.gate)
	mustVerify(t, request(key, "blocker"), <-blocker)
	return [2]outcome{<-one, <-two}
}

func faultyBatcher(t *testing.T, edit func(n int, d map[string]any) error) (*spy, *vaultkeys.Batcher, signer.Key, *atomic.Int32) {
	t.Helper()
	s := newSpy()
	s.CreateKey(batchRing, "ecdsa-p256")
	s.gate = make(chan struct{})
	s.edit = edit
	rereads := new(atomic.Int32)
	b := newBatcher(s, func(c *vaultkeys.BatcherConfig) {
		c.InFlight = 1
		c.Reread = func(_ context.Context, ring string) error {
			if ring != batchRing {
				t.Errorf("re-read %q", ring)
			}
			rereads.Add(1)
			return nil
		}
	})
	return s, b, keyOf(s.Fake, batchRing, 1, signer.ES256), rereads
}

// TestFaultyReplyIsDiscarded: nothing of it leaves, the ring is read again,
// and the batch is sent once more.
func TestFaultyReplyIsDiscarded(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b, key, rereads := faultyBatcher(t, func(n int, d map[string]any) error {
					if n == 2 {
						fault(d)
					}
					return nil
				})
				got := pair(t, s, b, key)
				mustVerify(t, request(key, "one"), got[0])
				mustVerify(t, request(key, "two"), got[1])
				if n := rereads.Load(); n != 1 || len(s.requests()) != 3 {
					t.Errorf("%d re-reads, %d requests; want 1 and 3", n, len(s.requests()))
				}
				closeBatcher(t, b)
			})
		})
	}
}

func TestFaultThatStaysGivesNoSignature(t *testing.T) {
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b, key, _ := faultyBatcher(t, func(n int, d map[string]any) error {
					if n >= 2 {
						fault(d)
					}
					return nil
				})
				for i, o := range pair(t, s, b, key) {
					// The header is rebuilt if the ring, read again, says so.
					wantErr(t, o.err, signer.ErrVersionRefused)
					if o.sig != nil {
						t.Errorf("item %d: a signature left", i)
					}
				}
				if n := len(s.requests()); n != 3 {
					t.Errorf("%d requests, want 3", n)
				}
				closeBatcher(t, b)
			})
		})
	}
}

// corrupt turns one bit of a signature, which keeps its form.
func corrupt(d map[string]any, i int) {
	r := resultOf(d, i)
	text := []byte(fmt.Sprint(r["signature"]))
	at := len(text) - 10
	if text[at] == 'A' {
		text[at] = 'B'
	} else {
		text[at] = 'A'
	}
	r["signature"] = string(text)
}

// TestVerifiesAllAfterAFailure: with "one", a bad signature in a large batch
// may pass; after one failure nothing passes until a reply was clean.
func TestVerifiesAllAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var phase atomic.Int32
		s, b, key, rereads := faultyBatcher(t, func(_ int, d map[string]any) error {
			list, _ := d["batch_results"].([]any)
			switch phase.Load() {
			case 1: // everything is bad: certainly seen
				for i := range list {
					corrupt(d, i)
				}
			case 2: // the last of many is bad
				if len(list) > 1 {
					corrupt(d, len(list)-1)
				}
			}
			return nil
		})
		close(s.gate)
		sign := func(id string) outcome { return <-signAsync(t.Context(), b, request(key, id)) }
		mustVerify(t, request(key, "a"), sign("a"))
		phase.Store(1)
		wantErr(t, sign("b").err, signer.ErrVersionRefused)
		if b.Lanes() != 1 {
			t.Error("the suspicion was forgotten with the lane")
		}
		phase.Store(2)
		for round := range 20 {
			s.gate = make(chan struct{})
			var outs []<-chan outcome
			var reqs []signer.Request
			first := signAsync(t.Context(), b, request(key, fmt.Sprint("blocker", round)))
			synctest.Wait()
			for i := range 8 {
				req := request(key, fmt.Sprint(round, "/", i))
				reqs, outs = append(reqs, req), append(outs, signAsync(t.Context(), b, req))
			}
			synctest.Wait()
			if round == 0 {
				phase.Store(1) // keeps the suspicion over the blocker's own batch
			}
			s.gate <- struct{}{}
			if round == 0 {
				s.gate <- struct{}{} // its retry
				wantErr(t, (<-first).err, signer.ErrVersionRefused)
				phase.Store(2)
			} else {
				mustVerify(t, request(key, fmt.Sprint("blocker", round)), <-first)
			}
			close(s.gate)
			if round == 0 {
				for _, o := range outs {
					wantErr(t, (<-o).err, signer.ErrVersionRefused)
				}
				phase.Store(0)
				continue
			}
			for i, o := range outs {
				mustVerify(t, reqs[i], <-o)
			}
		}
		synctest.Wait() // a caller has its signature before the runner looks for more
		if b.Lanes() != 0 || rereads.Load() == 0 {
			t.Errorf("%d lanes, %d re-reads: suspicion does not end with a clean reply", b.Lanes(), rereads.Load())
		}
		closeBatcher(t, b)
	})
}

// TestNoPlaceInABatchIsNeverChecked: the one signature that is verified is not
// always the same, or a key that is wrong for some items would go unseen.
func TestNoPlaceInABatchIsNeverChecked(t *testing.T) {
	for place := range 2 {
		synctest.Test(t, func(t *testing.T) {
			s, b, key, rereads := faultyBatcher(t, func(_ int, d map[string]any) error {
				if list, _ := d["batch_results"].([]any); len(list) == 2 {
					corrupt(d, place)
				}
				return nil
			})
			for range 64 { // by chance once in 2^64
				s.gate = make(chan struct{})
				_ = pair(t, s, b, key)
				synctest.Wait()
			}
			if rereads.Load() == 0 {
				t.Errorf("place %d was bad in 64 batches, and nobody noticed", place)
			}
			closeBatcher(t, b)
		})
	}
}

// TestItemsFailOneByOne: an error inside a reply concerns its item only.
func TestItemsFailOneByOne(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"below the minimum": {"requested version for signing is less than the minimum encryption key version", signer.ErrVersionRefused},
		"above the latest":  {"requested version for signing is higher than the latest key version", signer.ErrVersionRefused},
		"archived":          {"no such key version", signer.ErrVersionRefused},
		"HMAC below":        {"cannot generate HMAC: version is too old (disallowed by policy)", signer.ErrVersionRefused},
		"HMAC above":        {"cannot generate HMAC: key version does not exist; latest key version is 1", signer.ErrVersionRefused},
		"bad input":         {"unable to decode input: illegal base64 data", signer.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b, key, rereads := faultyBatcher(t, func(n int, d map[string]any) error {
					if n == 2 {
						r := resultOf(d, 0)
						delete(r, "signature")
						r["key_version"], r["error"] = 0, c.text
					}
					return nil
				})
				got := pair(t, s, b, key)
				wantErr(t, got[0].err, c.want)
				mustVerify(t, request(key, "two"), got[1])
				if rereads.Load() != 0 || len(s.requests()) != 2 {
					t.Error("one item's refusal was taken for a fault of the batch")
				}
				closeBatcher(t, b)
			})
		})
	}
}

// TestCutConnectionIsRetriedOnce: an idle connection may be closed by Vault
// just as it is used again; signing is safe to repeat.
func TestCutConnectionIsRetriedOnce(t *testing.T) {
	for _, heals := range []bool{true, false} {
		s := newSpy()
		s.CreateKey(batchRing, "ecdsa-p256")
		s.edit = func(n int, _ map[string]any) error {
			if n == 1 || !heals {
				return fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, &vaultapi.Error{Op: "write", Messages: []string{"unexpected EOF"}})
			}
			return nil
		}
		b := newBatcher(s, nil)
		req := request(keyOf(s.Fake, batchRing, 1, signer.ES256), "x")
		sig, err := b.Sign(t.Context(), req)
		if heals {
			mustVerify(t, req, outcome{sig, err})
		} else if !errors.Is(err, signer.ErrUnavailable) {
			t.Error(err)
		}
		if n := len(s.requests()); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
		closeBatcher(t, b)
	}
}
