package signer_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/signer"
	"signet/signer/signertest"
)

const testIssuer = "https://tokens.example.com"

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testNow() time.Time { return testTime }

// allRings is one ring per algorithm, named like it.
func allRings() []signertest.Ring {
	var rings []signertest.Ring
	for _, a := range signer.Algorithms() {
		rings = append(rings, signertest.Ring{Name: string(a), Algorithm: a})
	}
	return rings
}

func newSigner(h *signertest.Holder) *signer.Signer {
	return signer.New(signer.Config{Keys: h, Backend: h, Issuer: testIssuer, ClockSkew: 5 * time.Second, Now: testNow})
}

func testClaims() signer.Claims {
	return signer.Claims{
		Subject: "user:alice", ID: "jti-1", ClientID: "login", Audience: []string{"https://api.example.com"},
		Scope: "profile", SessionID: "sid-1", IssuedAt: testTime, Expiry: testTime.Add(5 * time.Minute),
		AuthTime: testTime.Add(-time.Minute),
	}
}

func sign(t testing.TB, s *signer.Signer, ring string, c signer.Claims) signer.Token {
	t.Helper()
	token, err := s.Sign(t.Context(), ring, c, signer.Origin{})
	if err != nil {
		t.Fatalf("signing with %s: %v", ring, err)
	}
	return token
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// part decodes one of the three parts of a token.
func part(t testing.TB, token string, i int) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// derSignature is r and s of a JWS signature as ASN.1, which no JWS has.
func derSignature(t *testing.T, sig []byte) []byte {
	t.Helper()
	half := len(sig) / 2
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// pssToken is signed with a PS256 key of ours and a salt of another length.
func pssToken(f *forger, salt int) string {
	f.t.Helper()
	private, ok := f.h.Private("PS256", 1).(*rsa.PrivateKey)
	if !ok {
		f.t.Fatal("not an RSA key")
	}
	input := b64(f.header("PS256")) + "." + b64(f.payload())
	sum := sha256.Sum256([]byte(input))
	sig, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
	if err != nil {
		f.t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// firstJWK is the public key of a ring's first version as a JWK.
func firstJWK(t *testing.T, h *signertest.Holder, ring string) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: h.Key(ring, 1).Public})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
