package signer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/signer"
	"signet/signer/signertest"
)

// Another replica may sign with a version that this one has not read yet.
func TestVerifyLooksForAnUnknownKID(t *testing.T) {
	h := signertest.New(allRings()...)
	s := newSigner(h)
	token := sign(t, s, "HS256", testClaims()).Compact
	h.Hide("HS256", 1)
	if _, err := s.Verify(t.Context(), token); err != nil {
		t.Fatalf("a token of a version that appears when the rings are read again: %v", err)
	}
	if got := h.RefreshedTo(); len(got) != 1 || got[0].After(testTime) {
		t.Errorf("rings read up to %v, want once, and not up to a time to come (%v)", got, testTime)
	}

	h.Retire("HS256", 1)
	if _, err := s.Verify(t.Context(), token); !errors.Is(err, signer.ErrInvalidToken) {
		t.Errorf("retired: %v, want ErrInvalidToken", err)
	}
	h.FailKeys(errors.New("sealed"))
	if _, err := s.Verify(t.Context(), token); !errors.Is(err, signer.ErrUnavailable) || errors.Is(err, signer.ErrInvalidToken) {
		t.Errorf("nobody to ask: %v, want ErrUnavailable", err)
	}
}

// A version may be made as late as a token is signed with it, by which time the
// clock here may show much more than the iat that the other replica chose: both
// clocks off, in opposite directions, the 3 s of a request, and the second's
// fraction that iat lacks. A read of before then may not know it.
func TestVerifyReadsAgainAsFarAsClocksDiffer(t *testing.T) {
	h := signertest.New(allRings()...)
	s := newSigner(h)
	young := testClaims()
	young.IssuedAt = testTime.Add(-time.Minute)
	token := sign(t, s, "ES256", young).Compact
	h.Hide("ES256", 1)
	if _, err := s.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	want := young.IssuedAt.Add(2*5*time.Second + 3*time.Second + time.Second)
	if got := h.RefreshedTo(); len(got) != 1 || got[0].Before(want) {
		t.Errorf("rings read up to %v, want up to %v", got, want)
	}
}

// Old tokens, expired ones and those of others must not make anybody read.
func TestVerifyAsksNobodyAboutOldTokens(t *testing.T) {
	h := signertest.New(allRings()...)
	f := &forger{t: t, h: h, s: newSigner(h)}
	old := testClaims()
	old.IssuedAt = testTime.Add(-10 * time.Minute)
	token := sign(t, f.s, "ES256", old).Compact
	h.Retire("ES256", 1)
	if _, err := f.s.Verify(t.Context(), token); !errors.Is(err, signer.ErrInvalidToken) {
		t.Fatalf("retired: %v", err)
	}
	if got := h.RefreshedTo(); len(got) != 1 || !got[0].Before(testTime.Add(-9*time.Minute)) {
		t.Errorf("an old token asks for reads up to %v; one as old as itself is enough", got)
	}
	for name, payload := range map[string]string{
		"expired": f.payload(fmt.Sprint(testTime.Unix()+300), "1000000000"),
		"foreign": f.payload("https://tokens", "http://tokens"),
	} {
		_, err := f.s.Verify(t.Context(), h.Compact("ES256", 1, f.header("ES256"), payload))
		if !errors.Is(err, signer.ErrInvalidToken) || len(h.RefreshedTo()) != 1 {
			t.Errorf("%s: %v after %d reads", name, err, len(h.RefreshedTo()))
		}
	}
}
