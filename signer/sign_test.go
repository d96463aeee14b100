package signer_test

import (
	"testing"
	"time"

	"signet/signer"
	"signet/signer/signertest"
)

const testIssuer = "https://tokens.example.com"

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testNow() time.Time { return testTime }

func TestSmoke(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := signer.New(signer.Config{Keys: h, Backend: h, Issuer: testIssuer, Now: testNow})
	tok, err := s.Sign(t.Context(), "r", signer.Claims{Subject: "a", ID: "j", ClientID: "c", Audience: []string{"x"}, IssuedAt: testTime, Expiry: testTime.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Verify(t.Context(), tok.Compact)
	if err != nil || c.Subject != "a" {
		t.Fatal(err, c)
	}
}
