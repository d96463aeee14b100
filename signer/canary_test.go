package signer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/signer"
	"signet/signer/signertest"
)

// runCanary starts a canary inside a synctest bubble and waits for its first round.
func runCanary(t *testing.T, h *signertest.Holder, log *bytes.Buffer, registry prometheus.Registerer, rings ...string) *signer.Canary {
	t.Helper()
	c := signer.NewCanary(signer.CanaryConfig{
		Keys: h, Backend: h, Rings: rings, Interval: 10 * time.Second,
		Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: registry,
	})
	for _, ring := range rings {
		if _, tried := c.Status()[ring]; c.Err(ring) != nil || tried {
			t.Errorf("before the first round the breaker lets through and there is no status: %v, %v", c.Err(ring), c.Status())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
	synctest.Wait()
	return c
}

func TestCanaryProvesEveryAlgorithm(t *testing.T) {
	h := signertest.New(allRings()...)
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for _, a := range signer.Algorithms() {
			names = append(names, string(a))
		}
		c := runCanary(t, h, new(bytes.Buffer), prometheus.NewRegistry(), names...)
		for ring, err := range c.Status() {
			if err != nil {
				t.Errorf("%s: %v", ring, err)
			}
		}
		for _, req := range h.Requests() {
			// Never a JWS signing input, whoever reads it.
			if bytes.ContainsRune(req.Input, '.') || !bytes.ContainsRune(req.Input, ' ') || req.Client != "" || req.Reference == "" {
				t.Errorf("canary input %q, client %q, reference %q", req.Input, req.Client, req.Reference)
			}
		}
		if h.MACChecks() != 1 {
			t.Errorf("HS256 was checked %d times", h.MACChecks())
		}
	})
}

func TestCanaryOpensAndClosesTheGate(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "a"}, signertest.Ring{Name: "b"})
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		registry := prometheus.NewRegistry()
		c := runCanary(t, h, &log, registry, "a", "b")
		h.OnSign(func(_ context.Context, req signer.Request) error {
			if req.Key.Ring == "a" {
				return fmt.Errorf("%w: sealed", signer.ErrUnavailable)
			}
			return nil
		})
		time.Sleep(13 * time.Second) // in the bubble: no real time passes
		synctest.Wait()
		if !errors.Is(c.Err("a"), signer.ErrUnavailable) || c.Err("b") != nil {
			t.Fatalf("gates: a %v, b %v", c.Err("a"), c.Err("b"))
		}
		before := h.Signs()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := h.Signs() - before; n < 8 || n > 16 {
			t.Errorf("%d canaries in 10s of failure, want about one a second (and one of b)", n)
		}
		h.OnSign(nil)
		time.Sleep(1300 * time.Millisecond)
		synctest.Wait()
		if c.Err("a") != nil || c.Status()["a"] != nil {
			t.Errorf("still closed 1.3s after recovery: %v", c.Err("a"))
		}
		if n := strings.Count(log.String(), "canary failed"); n != 1 {
			t.Errorf("a lasting failure is logged %d times", n)
		}
		if !strings.Contains(log.String(), "canary succeeded") {
			t.Error("the recovery is not logged")
		}
		want := "# HELP signet_canary_up 1 if the ring's last canary was signed and verified, else 0.\n# TYPE signet_canary_up gauge\n" +
			"signet_canary_up{ring=\"a\"} 1\nsignet_canary_up{ring=\"b\"} 1\n"
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "signet_canary_up"); err != nil {
			t.Error(err)
		}
	})
}

func TestCanarySuspectRunsAtOnce(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "a"})
	synctest.Test(t, func(t *testing.T) {
		c := runCanary(t, h, new(bytes.Buffer), nil, "a")
		h.Fail(signer.ErrUnavailable)
		c.Suspect("a")
		c.Suspect("a")
		c.Suspect("unknown")
		synctest.Wait()
		if c.Err("a") == nil {
			t.Error("the breaker still lets through")
		}
	})
}

func TestCanaryResults(t *testing.T) {
	for name, test := range map[string]struct {
		fail   func(*signertest.Holder)
		closed bool
	}{
		"unavailable":         {func(h *signertest.Holder) { h.Fail(signer.ErrUnavailable) }, true},
		"unknown error":       {func(h *signertest.Holder) { h.Fail(errors.New("malformed reply")) }, true},
		"no key":              {func(h *signertest.Holder) { h.FailKeys(signer.ErrUnavailable) }, true},
		"refused for good":    {func(h *signertest.Holder) { h.RefuseBelow("a", 9) }, true},
		"hangs":               {func(h *signertest.Holder) { h.OnSign(hang) }, true},
		"overloaded is no no": {func(h *signertest.Holder) { h.Fail(signer.ErrOverloaded) }, false},
		"version moved on":    {func(h *signertest.Holder) { h.Fence("a") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := signertest.New(signertest.Ring{Name: "a"})
			synctest.Test(t, func(t *testing.T) {
				c := runCanary(t, h, new(bytes.Buffer), prometheus.NewRegistry(), "a")
				test.fail(h)
				c.Suspect("a")
				time.Sleep(3 * time.Second)
				synctest.Wait()
				err := c.Err("a")
				if (err != nil) != test.closed || (test.closed && !errors.Is(err, signer.ErrUnavailable)) {
					t.Errorf("Err = %v, want closed = %t", err, test.closed)
				}
			})
		})
	}
}

func hang(ctx context.Context, _ signer.Request) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", signer.ErrUnavailable, ctx.Err())
}

// liar answers with signatures of another key.
type liar struct{ *signertest.Holder }

func (l liar) Sign(ctx context.Context, req signer.Request) ([]byte, error) {
	req.Input = append([]byte("x"), req.Input...)
	return l.Holder.Sign(ctx, req)
}

func TestCanaryChecksTheSignature(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "a"}, signertest.Ring{Name: "m", Algorithm: signer.HS256})
	synctest.Test(t, func(t *testing.T) {
		c := signer.NewCanary(signer.CanaryConfig{Keys: h, Backend: liar{h}, Rings: []string{"a", "m"}, Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		if c.Err("a") == nil || c.Err("m") == nil {
			t.Errorf("a wrong signature passed: %v, %v", c.Err("a"), c.Err("m"))
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	})
}
