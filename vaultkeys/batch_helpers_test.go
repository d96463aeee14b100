package vaultkeys_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"signet/signer"
	"signet/vaultkeys"
	"signet/vaultkeys/vaultapi"
	"signet/vaultkeys/vaulttest"
)

// sentBatch is a request as Vault sees it.
type sentBatch struct {
	Path       string
	KeyVersion string `json:"key_version"`
	BatchInput []struct {
		Input     string `json:"input"`
		Reference string `json:"reference"`
	} `json:"batch_input"`
}

func (s sentBatch) references() []string {
	var out []string
	for _, in := range s.BatchInput {
		out = append(out, in.Reference)
	}
	return out
}

// spy stands between a Batcher and the fake Vault: it records what is sent,
// holds requests back, loses answers and changes them.
type spy struct {
	*vaulttest.Fake
	// gate, if set, is received from before each write is handled; ctx's end
	// also lets it go, with an error.
	gate chan struct{}
	// service, if set, is how long Vault takes for so many signatures.
	service func(items int) time.Duration
	// edit, if set, may change the n-th (from 1) answer's data, or fail it.
	edit func(n int, data map[string]any) error

	mu   sync.Mutex
	sent []sentBatch
}

func newSpy() *spy {
	s := &spy{Fake: vaulttest.New(nil)}
	s.Strict = true
	return s
}

func (s *spy) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return vaultapi.Meta{}, err
	}
	batch := sentBatch{Path: path}
	if err := json.Unmarshal(text, &batch); err != nil {
		return vaultapi.Meta{}, fmt.Errorf("not every parameter is a string: %w", err)
	}
	s.mu.Lock()
	s.sent = append(s.sent, batch)
	n := len(s.sent)
	s.mu.Unlock()
	if s.gate != nil {
		select {
		case <-s.gate:
		case <-ctx.Done():
			return vaultapi.Meta{}, fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, ctx.Err())
		}
	}
	if s.service != nil {
		select {
		case <-time.After(s.service(max(1, len(batch.BatchInput)))):
		case <-ctx.Done():
			return vaultapi.Meta{}, fmt.Errorf("%w: %w", vaultapi.ErrUnavailable, ctx.Err())
		}
	}
	var data map[string]any
	meta, err := s.Fake.Write(ctx, path, in, &data)
	if err != nil {
		return meta, err
	}
	if s.edit != nil {
		if err := s.edit(n, data); err != nil {
			return meta, err
		}
	}
	if text, err = json.Marshal(data); err != nil {
		return meta, err
	}
	return meta, json.Unmarshal(text, out)
}

// requests are the batches sent so far.
func (s *spy) requests() []sentBatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]sentBatch(nil), s.sent...)
}

// item is the i-th result of an answer's data.
func resultOf(data map[string]any, i int) map[string]any {
	list, _ := data["batch_results"].([]any)
	out, _ := list[i].(map[string]any)
	return out
}

// keyOf is version n of a key in the fake, as signer sees it.
func keyOf(v *vaulttest.Fake, ring string, version int, alg signer.Algorithm) signer.Key {
	return signer.Key{
		Ring: ring, Version: version, Algorithm: alg,
		KID: fmt.Sprintf("%s-%d", ring, version), Public: v.Public(ring, version),
	}
}

func request(key signer.Key, id string) signer.Request {
	return signer.Request{Key: key, Input: []byte("header." + id), Reference: id}
}

// outcome is what one Sign returned.
type outcome struct {
	sig []byte
	err error
}

// signAsync calls Sign in a goroutine.
func signAsync(ctx context.Context, b *vaultkeys.Batcher, req signer.Request) <-chan outcome {
	ch := make(chan outcome, 1)
	go func() {
		sig, err := b.Sign(ctx, req)
		ch <- outcome{sig, err}
	}()
	return ch
}

func mustVerify(t testing.TB, req signer.Request, o outcome) {
	t.Helper()
	if o.err != nil {
		t.Fatalf("%s: %v", req.Reference, o.err)
	}
	if err := signer.CheckSignature(req.Key, req.Input, o.sig); err != nil {
		t.Fatalf("%s: %v", req.Reference, err)
	}
}

func wantErr(t testing.TB, err error, all ...error) {
	t.Helper()
	for _, want := range all {
		if !errors.Is(err, want) {
			t.Errorf("got %v, want it to be %v", err, want)
		}
	}
}

func closeBatcher(t testing.TB, b *vaultkeys.Batcher) {
	t.Helper()
	if err := b.Close(context.Background()); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// newKeyedSpy holds one P-256 key, the batch ring's.
func newKeyedSpy() (*spy, signer.Key) {
	s := newSpy()
	s.CreateKey(batchRing, "ecdsa-p256")
	return s, keyOf(s.Fake, batchRing, 1, signer.ES256)
}

// newGatedSpy answers only when the test lets it.
func newGatedSpy() (*spy, signer.Key) {
	s, key := newKeyedSpy()
	s.gate = make(chan struct{})
	return s, key
}

func newBatcher(s *spy, change func(*vaultkeys.BatcherConfig)) *vaultkeys.Batcher {
	cfg := vaultkeys.BatcherConfig{Vault: s, Timeout: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return vaultkeys.NewBatcher(cfg)
}
