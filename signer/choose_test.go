package signer_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"signet/signer"
	"signet/signer/signertest"
)

// TestSignWaitsForTheVersionAfterARevocation: the last version was revoked, and
// the next one is added a moment later.
func TestSignWaitsForTheVersionAfterARevocation(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	sign(t, s, "r", testClaims())
	next := h.Revoke("r", 3)
	if token := sign(t, s, "r", testClaims()); token.Key.KID != next.KID {
		t.Errorf("token is signed with %s, want %s", token.Key.KID, next.KID)
	}
	if h.Refreshes() != 3 || h.Signs() != 2 {
		t.Errorf("%d refreshes, %d signs; want 3 and 2", h.Refreshes(), h.Signs())
	}
}

// TestSignDoesNotWaitForEver: nobody adds a version, and after the first caller
// the canary looks, so that others need not wait.
func TestSignDoesNotWaitForEver(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	b := &breaker{}
	s := signer.New(signer.Config{Keys: h, Backend: h, Issuer: testIssuer, Breaker: b, Now: testNow})
	h.Revoke("r", 1000)
	if _, err := s.Sign(t.Context(), "r", testClaims(), signer.Origin{}); !errors.Is(err, signer.ErrUnavailable) || !errors.Is(err, signer.ErrNoVersion) {
		t.Errorf("got %v, want ErrUnavailable and ErrNoVersion", err)
	}
	if h.Refreshes() != 8 || h.Signs() != 0 || len(b.suspected) != 1 {
		t.Errorf("%d refreshes, %d signs, %d suspicions; want 8, none and 1", h.Refreshes(), h.Signs(), len(b.suspected))
	}
}

// TestSignReadsTheRingOnceIfThatFails: an outage is no reason to wait.
func TestSignReadsTheRingOnceIfThatFails(t *testing.T) {
	h := &unreadable{Holder: signertest.New(signertest.Ring{Name: "r"})}
	s := signer.New(signer.Config{Keys: h, Backend: h, Issuer: testIssuer, Now: testNow})
	h.Revoke("r", 1)
	if _, err := s.Sign(t.Context(), "r", testClaims(), signer.Origin{}); !errors.Is(err, signer.ErrUnavailable) || !errors.Is(err, errSealed) || h.reads != 1 {
		t.Errorf("got %v after %d reads, want an outage after one", err, h.reads)
	}
}

// unreadable holds a ring that cannot be read again.
type unreadable struct {
	*signertest.Holder
	reads int
}

var errSealed = errors.New("sealed")

func (u *unreadable) Refresh(context.Context, string) error { u.reads++; return errSealed }

// TestCanaryWaitsForTheVersionAfterARevocation: it would close the gate to
// everybody for a second.
func TestCanaryWaitsForTheVersionAfterARevocation(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "a"})
	synctest.Test(t, func(t *testing.T) {
		c := runCanary(t, h, new(bytes.Buffer), nil, "a")
		h.Revoke("a", 3)
		c.Suspect("a")
		synctest.Wait()
		if err := c.Err("a"); err != nil || h.Refreshes() != 3 {
			t.Errorf("Err = %v after %d refreshes, want none after 3", err, h.Refreshes())
		}
	})
}
