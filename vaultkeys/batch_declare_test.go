package vaultkeys_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"signet/audit"
	"signet/audit/journal"
	"signet/audit/schematest"
	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
)

// shelf is where a journal writes to, until it is full.
type shelf struct {
	mu   sync.Mutex
	text bytes.Buffer
	full bool
}

var errFull = errors.New("no space left")

func (s *shelf) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full {
		return 0, errFull
	}
	return s.text.Write(b)
}

func (s *shelf) fill(full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = full
}

// records are those of an event.
func (s *shelf) records(t *testing.T, event audit.Event) []audit.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	schematest.Check(t, s.text.Bytes())
	var all []audit.Record
	for line := range bytes.Lines(s.text.Bytes()) {
		var r audit.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		if r.Event == event {
			all = append(all, r)
		}
	}
	return all
}

func recorded(t *testing.T, s *spy, change func(*vaultkeys.BatcherConfig)) (*vaultkeys.Batcher, *shelf) {
	t.Helper()
	place := &shelf{}
	j, err := journal.Open(journal.Config{Replica: "r", Stdout: place, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() }) // with it its goroutine ends, in a bubble too
	return newBatcher(s, func(c *vaultkeys.BatcherConfig) {
		c.Journal = j
		if change != nil {
			change(c)
		}
	}), place
}

const thumbprint = "ncHHZb4u-dU2fm0oi4ITH2oU5057bLqP4yvIsOiXdag"

// token is a request for a token, with what its record has.
func token(key signer.Key, id string) signer.Request {
	req := request(key, id)
	req.Key.KID = thumbprint
	req.Client = "orders"
	req.Claims = &signer.Claims{
		ID: id, ClientID: "orders", Subject: "orders", Audience: []string{"a"}, IssuedAt: time.Unix(1, 0), Expiry: time.Unix(2, 0),
	}
	req.Origin.Grant = "client_credentials"
	return req
}

// TestNothingUnrecordedIsSigned: Vault is not even asked.
func TestNothingUnrecordedIsSigned(t *testing.T) {
	s, key := newKeyedSpy()
	b, place := recorded(t, s, nil)
	defer closeBatcher(t, b)
	place.fill(true)
	_, err := b.Sign(t.Context(), token(key, "a"))
	wantErr(t, err, signer.ErrUnavailable, journal.ErrNotWritten, errFull)
	if n := len(s.requests()); n != 0 {
		t.Fatalf("%d requests to Vault", n)
	}
	place.fill(false)
	sig, err := b.Sign(t.Context(), token(key, "b"))
	mustVerify(t, token(key, "b"), outcome{sig, err})
	if all := place.records(t, audit.EventToken); len(all) != 1 || all[0].JTI != "b" {
		t.Errorf("records %+v", all)
	}
}

// TestRecordSaysWhatVaultGets, item by item.
func TestRecordSaysWhatVaultGets(t *testing.T) {
	for _, alg := range signer.Algorithms() {
		s := newSpy()
		s.CreateKey(batchRing, vaultkeys.ParamsOf(alg, 2048).KeyType)
		b, place := recorded(t, s, nil)
		key := keyOf(s.Fake, batchRing, 1, alg)
		if _, err := b.Sign(t.Context(), token(key, "a")); err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		closeBatcher(t, b) // the outcome is written after the answer
		sent, got := s.requests()[0].BatchInput[0], place.records(t, audit.EventToken)[0]
		if got.Input != sent.Input || got.JTI != sent.Reference || got.Ring != batchRing || got.KeyVersion != 1 {
			t.Errorf("%s: sent %+v, recorded %+v", alg, sent, got)
		}
		done := place.records(t, audit.EventBatch)
		if len(done) != 1 || done[0].Batch != got.Batch || done[0].Outcome != audit.OutcomeIssued || done[0].RequestID == "" {
			t.Errorf("%s: outcome %+v", alg, done)
		}
	}
}

// looked is a context that calls back whenever somebody asks whether it ended,
// once it is armed.
type looked struct {
	context.Context //nolint:containedctx // it is one

	armed atomic.Bool
	then  func()
}

func (l *looked) Err() error {
	err := l.Context.Err()
	if l.armed.CompareAndSwap(true, false) {
		l.then()
	}
	return err
}

// TestIssuedIsWhatCallersGot: a caller who leaves just as the answer comes is
// either recorded as having the signature, and has it, or neither.
func TestIssuedIsWhatCallersGot(t *testing.T) {
	for name, leaves := range map[string]func(ctx *looked, leave func()){
		"with the answer":       func(_ *looked, leave func()) { leave() },
		"when it is looked for": func(ctx *looked, leave func()) { ctx.then = leave; ctx.armed.Store(true) },
		"not at all":            func(*looked, func()) {},
	} {
		s, key := newKeyedSpy()
		b, place := recorded(t, s, nil)
		inner, cancel := context.WithCancel(t.Context())
		ctx, left := &looked{Context: inner}, make(chan struct{})
		s.edit = func(int, map[string]any) error {
			leaves(ctx, func() {
				cancel()
				select {
				case <-left:
				case <-time.After(100 * time.Millisecond): // it is the caller who looks, or one who stays
				}
			})
			return nil
		}
		_, err := b.Sign(ctx, token(key, "a"))
		close(left)
		closeBatcher(t, b)
		cancel()
		all := place.records(t, audit.EventBatch)
		if len(all) != 1 || (all[0].Outcome == audit.OutcomeIssued) != (err == nil) {
			t.Errorf("who leaves %s: %v, recorded %+v", name, err, all)
		}
	}
}

// TestEveryAttemptIsDeclared: so that no signature of Vault's lacks a record, and
// none that nobody got is called issued.
func TestEveryAttemptIsDeclared(t *testing.T) {
	lost := &vaultapi.Error{Op: "write", Path: "transit/sign/" + batchRing}
	for name, test := range map[string]struct {
		edit func(n int, data map[string]any) error
		want []audit.Outcome
	}{
		"lost answer": {func(n int, _ map[string]any) error {
			if n == 1 {
				return lost
			}
			return nil
		}, []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeIssued}},
		"timeout": {func(n int, _ map[string]any) error {
			if n == 1 {
				return context.DeadlineExceeded
			}
			return nil
		}, []audit.Outcome{audit.OutcomeUnknown, audit.OutcomeIssued}},
		"faulty answer": {func(n int, data map[string]any) error {
			if n == 1 {
				delete(resultOf(data, 0), "reference")
			}
			return nil
		}, []audit.Outcome{audit.OutcomeDiscarded, audit.OutcomeIssued}},
		"refused item": {func(_ int, data map[string]any) error {
			resultOf(data, 0)["error"] = "no"
			return nil
		}, []audit.Outcome{audit.OutcomeDiscarded}},
		"refused request": {func(int, map[string]any) error {
			return &vaultapi.Error{Op: "write", Status: 403}
		}, []audit.Outcome{audit.OutcomeDiscarded}},
	} {
		t.Run(name, func(t *testing.T) {
			s, key := newKeyedSpy()
			s.edit = test.edit
			b, place := recorded(t, s, nil)
			_, _ = b.Sign(t.Context(), token(key, "a"))
			closeBatcher(t, b)
			declared, done := place.records(t, audit.EventToken), place.records(t, audit.EventBatch)
			if len(declared) != len(s.requests()) || len(done) != len(test.want) {
				t.Fatalf("%d declarations of %d requests, %d outcomes", len(declared), len(s.requests()), len(done))
			}
			for i := range done {
				if done[i].Outcome != test.want[i] || done[i].Batch != declared[i].Batch || declared[i].Input != declared[0].Input {
					t.Errorf("attempt %d: %+v, %+v", i, declared[i], done[i])
				}
			}
		})
	}
}

// TestCanaryAnchorsTheChain: its reference is the hash of the record before it.
func TestCanaryAnchorsTheChain(t *testing.T) {
	s, key := newKeyedSpy()
	key.KID = thumbprint
	b, place := recorded(t, s, nil)
	defer closeBatcher(t, b)
	sig, err := b.Sign(t.Context(), request(key, "canary"))
	mustVerify(t, request(key, "canary"), outcome{sig, err})
	got := place.records(t, audit.EventCanary)
	if sent := s.requests()[0].references(); len(got) != 1 || !slices.Equal(sent, []string{got[0].Prev}) || got[0].Prev == "" {
		t.Errorf("sent %v, recorded %+v", sent, got)
	}
}

// TestWhoLeftGotNothing: the signature of a caller who left is discarded.
func TestWhoLeftGotNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, key := newGatedSpy()
		b, place := recorded(t, s, func(c *vaultkeys.BatcherConfig) { c.InFlight = 1 })
		blocker := signAsync(t.Context(), b, token(key, "blocker"))
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		stayer, leaver := signAsync(t.Context(), b, token(key, "stayer")), signAsync(ctx, b, token(key, "leaver"))
		synctest.Wait()
		s.gate <- struct{}{}
		<-blocker
		synctest.Wait()
		leave()
		synctest.Wait() // it left: by now a signature comes too late for it
		close(s.gate)
		<-stayer
		<-leaver
		closeBatcher(t, b)
		done := place.records(t, audit.EventBatch)
		last := done[len(done)-1]
		names := []string{}
		for _, r := range place.records(t, audit.EventToken)[1:] {
			names = append(names, r.JTI)
		}
		if len(last.Outcomes) != 2 || last.Outcomes[slices.Index(names, "leaver")] != audit.OutcomeDiscarded || last.Outcomes[slices.Index(names, "stayer")] != audit.OutcomeIssued {
			t.Errorf("outcomes of %v: %s", names, fmt.Sprint(last.Outcomes))
		}
	})
}
