package signer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"signet/signer"
	"signet/signer/signertest"
)

// Two verifiers that share no code with ours find the key by kid and accept.
func TestSignedTokensVerifyIndependently(t *testing.T) {
	h := signertest.New(allRings()...)
	s := newSigner(h)
	for _, a := range signer.Algorithms() {
		t.Run(string(a), func(t *testing.T) {
			h.Rotate(string(a)) // two versions: only kid tells them apart
			token := sign(t, s, string(a), testClaims())
			claims, err := s.Verify(t.Context(), token.Compact)
			if err != nil {
				t.Fatalf("own verification: %v", err)
			}
			if claims.Subject != "user:alice" || claims.Scope != "profile" || claims.SessionID != "sid-1" ||
				!claims.Expiry.Equal(testTime.Add(5*time.Minute)) || !claims.IssuedAt.Equal(testTime) || claims.Issuer != testIssuer {
				t.Errorf("claims read back differ: %+v", claims)
			}
			if a.Symmetric() {
				return // no public key: nobody else can verify
			}
			verifyWithGoJose(t, h, token.Compact, a)
			verifyWithGolangJWT(t, h, token.Compact, a)
		})
	}
}

func verifyWithGoJose(t *testing.T, h *signertest.Holder, compact string, a signer.Algorithm) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(h.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a)})
	if err != nil {
		t.Fatalf("go-jose: %v", err)
	}
	keys := set.Key(jws.Signatures[0].Header.KeyID)
	if len(keys) != 1 {
		t.Fatalf("kid names %d keys of the JWKS", len(keys))
	}
	if _, err := jws.Verify(keys[0].Key); err != nil {
		t.Errorf("go-jose refuses %s: %v", a, err)
	}
}

func verifyWithGolangJWT(t *testing.T, h *signertest.Holder, compact string, a signer.Algorithm) {
	t.Helper()
	parser := jwt.NewParser(jwt.WithValidMethods([]string{string(a)}), jwt.WithIssuer(testIssuer), jwt.WithTimeFunc(testNow), jwt.WithExpirationRequired())
	_, err := parser.Parse(compact, func(token *jwt.Token) (any, error) {
		kid, ok := token.Header["kid"].(string)
		if !ok {
			return nil, errors.New("no kid")
		}
		key, ok := h.VerificationKey(kid)
		if !ok {
			return nil, errors.New("unknown kid")
		}
		return key.Public, nil
	})
	if err != nil {
		t.Errorf("golang-jwt refuses %s: %v", a, err)
	}
}

func TestSignWritesExactlyThis(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	c := testClaims()
	c.IssuedAt = c.IssuedAt.Add(999 * time.Millisecond)
	c.Custom = map[string]json.RawMessage{"tenant": json.RawMessage(` "a\u00e9" `), "roles": json.RawMessage(`[ "x", {"y": 1} ]`)}
	token := sign(t, s, "r", c)
	key := h.Key("r", 1)
	if got, want := string(part(t, token.Compact, 0)), `{"alg":"ES256","kid":"`+key.KID+`","typ":"at+jwt"}`; got != want {
		t.Errorf("header\n got %s\nwant %s", got, want)
	}
	iat := testTime.Unix()
	want := fmt.Sprintf(`{"iss":%q,"sub":"user:alice","aud":"https://api.example.com","exp":%d,"nbf":%d,"iat":%d,"jti":"jti-1",`+
		`"client_id":"login","scope":"profile","sid":"sid-1","auth_time":%d,"roles":["x",{"y":1}],"tenant":"a\u00e9"}`, testIssuer, iat+300, iat, iat, iat-60)
	if got := string(part(t, token.Compact, 1)); got != want {
		t.Errorf("payload\n got %s\nwant %s", got, want)
	}
	if token.Key.KID != key.KID || token.Claims.Issuer != testIssuer {
		t.Errorf("token says key %s, issuer %s", token.Key.KID, token.Claims.Issuer)
	}
	req := h.Requests()[0]
	if string(req.Input) != token.Compact[:strings.LastIndexByte(token.Compact, '.')] || req.Reference != "jti-1" || req.Client != "login" {
		t.Errorf("request does not match the token: %+v", req)
	}
}

func TestSignWritesAudience(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	c := testClaims()
	c.Audience = []string{"a", `b"\` + "\n\x7f<é"}
	token := sign(t, s, "r", c)
	var payload struct{ Aud []string }
	if err := json.Unmarshal(part(t, token.Compact, 1), &payload); err != nil {
		t.Fatal(err)
	}
	if len(payload.Aud) != 2 || payload.Aud[1] != c.Audience[1] {
		t.Errorf("aud = %q", payload.Aud)
	}
	back, err := s.Verify(t.Context(), token.Compact)
	if err != nil || len(back.Audience) != 2 || back.Audience[1] != c.Audience[1] {
		t.Errorf("read back %q, %v", back.Audience, err)
	}
}

func TestSignRefusesClaims(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	custom := func(name, value string) func(*signer.Claims) {
		return func(c *signer.Claims) { c.Custom = map[string]json.RawMessage{name: json.RawMessage(value)} }
	}
	cases := map[string]func(*signer.Claims){
		"no subject":         func(c *signer.Claims) { c.Subject = "" },
		"no jti":             func(c *signer.Claims) { c.ID = "" },
		"no client":          func(c *signer.Claims) { c.ClientID = "" },
		"no audience":        func(c *signer.Claims) { c.Audience = nil },
		"empty audience":     func(c *signer.Claims) { c.Audience = []string{"a", ""} },
		"subject not UTF-8":  func(c *signer.Claims) { c.Subject = "a\xff" },
		"audience not UTF-8": func(c *signer.Claims) { c.Audience = []string{"\xc0\x80"} },
		"scope not UTF-8":    func(c *signer.Claims) { c.Scope = "\xff" },
		"exp at iat":         func(c *signer.Claims) { c.Expiry = c.IssuedAt.Add(900 * time.Millisecond) },
		"exp before iat":     func(c *signer.Claims) { c.Expiry = c.IssuedAt.Add(-time.Hour) },
		"year 10000":         func(c *signer.Claims) { c.Expiry = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"other issuer":       func(c *signer.Claims) { c.Issuer = "https://evil.example.com" },
		"too large":          func(c *signer.Claims) { c.Scope = strings.Repeat("a", 20<<10) },
		"custom no name":     custom("", `1`),
		"custom name UTF-8":  custom("\xff", `1`),
		"custom no value":    custom("x", ``),
		"custom two values":  custom("x", `1 2`),
		"custom duplicate":   custom("x", `{"a":1,"a":2}`),
		"custom injection":   custom("x", `1,"sub":"root"`),
		"custom surrogate":   custom("x", `"\ud800"`),
		"custom depth":       custom("x", strings.Repeat("[", 40)+strings.Repeat("]", 40)),
	}
	for _, name := range []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time",
		"act", "may_act", "cnf", "azp", "oiat", "status", "ISS", "Exp", "ſub", "Client_ID",
	} {
		cases["custom "+name] = custom(name, `"x"`)
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			c := testClaims()
			change(&c)
			if _, err := s.Sign(t.Context(), "r", c, signer.Origin{}); !errors.Is(err, signer.ErrInvalidClaims) {
				t.Errorf("got %v, want ErrInvalidClaims", err)
			}
		})
	}
	if n := h.Signs(); n != 0 {
		t.Errorf("%d requests reached the key holder", n)
	}
}

func TestSignRebuildsHeaderWhenVersionIsRefused(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	sign(t, s, "r", testClaims())
	newer := h.Fence("r")
	token := sign(t, s, "r", testClaims())
	if token.Key.KID != newer.KID || !strings.Contains(string(part(t, token.Compact, 0)), newer.KID) {
		t.Errorf("token is signed with %s, want %s", token.Key.KID, newer.KID)
	}
	if _, err := s.Verify(t.Context(), token.Compact); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if h.Refreshes() != 1 || h.Signs() != 3 {
		t.Errorf("%d refreshes, %d signs; want 1 and 3", h.Refreshes(), h.Signs())
	}
}

func TestSignErrors(t *testing.T) {
	cause := fmt.Errorf("%w: Vault is sealed", signer.ErrUnavailable)
	for name, test := range map[string]struct {
		prepare func(*signertest.Holder)
		ring    string
		want    error
		signs   int
	}{
		"unknown ring":       {func(*signertest.Holder) {}, "other", signer.ErrUnknownRing, 0},
		"no key":             {func(h *signertest.Holder) { h.FailKeys(cause) }, "r", signer.ErrUnavailable, 0},
		"unavailable":        {func(h *signertest.Holder) { h.Fail(cause) }, "r", signer.ErrUnavailable, 1},
		"overloaded":         {func(h *signertest.Holder) { h.Fail(signer.ErrOverloaded) }, "r", signer.ErrOverloaded, 1},
		"refused, none else": {func(h *signertest.Holder) { h.RefuseBelow("r", 2) }, "r", signer.ErrUnavailable, 1},
		"refused twice": {func(h *signertest.Holder) {
			h.Fence("r")
			h.RefuseBelow("r", 3)
		}, "r", signer.ErrUnavailable, 2},
		"refused, keys gone": {func(h *signertest.Holder) {
			h.Fence("r")
			h.OnSign(func(context.Context, signer.Request) error {
				h.FailKeys(cause)
				return signer.ErrVersionRefused
			})
		}, "r", signer.ErrUnavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := signertest.New(signertest.Ring{Name: "r"})
			s := newSigner(h)
			test.prepare(h)
			if _, err := s.Sign(t.Context(), test.ring, testClaims(), signer.Origin{}); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if h.Signs() != test.signs {
				t.Errorf("%d sign requests, want %d", h.Signs(), test.signs)
			}
		})
	}
}

// breaker is one that a test trips by hand.
type breaker struct {
	err       error
	suspected []string
}

func (b *breaker) Err(string) error    { return b.err }
func (b *breaker) Suspect(ring string) { b.suspected = append(b.suspected, ring) }

func TestBreakerRefusesAtOnceAndHearsOfFailures(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	b := &breaker{err: errors.New("canary failed")}
	s := signer.New(signer.Config{Keys: h, Backend: h, Issuer: testIssuer, Breaker: b, Now: testNow})
	if _, err := s.Sign(t.Context(), "r", testClaims(), signer.Origin{}); !errors.Is(err, signer.ErrUnavailable) || h.Signs() != 0 {
		t.Errorf("got %v after %d requests, want ErrUnavailable after none", err, h.Signs())
	}
	b.err = nil
	sign(t, s, "r", testClaims())
	if len(b.suspected) != 0 {
		t.Errorf("suspected without a failure")
	}
	h.Fail(signer.ErrUnavailable)
	if _, err := s.Sign(t.Context(), "r", testClaims(), signer.Origin{}); err == nil || len(b.suspected) != 1 || b.suspected[0] != "r" {
		t.Errorf("err %v, suspected %q", err, b.suspected)
	}
}

func BenchmarkSign(b *testing.B) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := signer.New(signer.Config{Keys: h, Backend: instant{}, Issuer: testIssuer, Now: testNow})
	c := testClaims()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sign(b.Context(), "r", c, signer.Origin{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := newSigner(h)
	token := sign(b, s, "r", testClaims()).Compact
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

// Sign itself must stay cheap: the time belongs to the key holder.
func TestSignAllocations(t *testing.T) {
	h := signertest.New(signertest.Ring{Name: "r"})
	s := signer.New(signer.Config{Keys: h, Backend: instant{}, Issuer: testIssuer, Now: testNow})
	c := testClaims()
	n := testing.AllocsPerRun(100, func() {
		if _, err := s.Sign(t.Context(), "r", c, signer.Origin{}); err != nil {
			t.Fatal(err)
		}
	})
	if n > 8 {
		t.Errorf("%v allocations a token, want at most 8", n)
	}
}

// instant is a backend that costs nothing.
type instant struct{}

func (instant) Sign(context.Context, signer.Request) ([]byte, error) { return make([]byte, 64), nil }

func (instant) VerifyMAC(context.Context, signer.Request, []byte) (bool, error) {
	return false, nil
}
