package signer_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/signer"
)

// fixedKeys is one Ed25519 key that every fuzzing process knows.
type fixedKeys struct{ private ed25519.PrivateKey }

func newFixedKeys() fixedKeys { return fixedKeys{ed25519.NewKeyFromSeed(make([]byte, 32))} }

func (k fixedKeys) key() signer.Key {
	return signer.Key{Ring: "r", Version: 1, Algorithm: signer.EdDSA, KID: "k", Public: k.private.Public()}
}

func (k fixedKeys) SigningKey(string) (signer.Key, error) { return k.key(), nil }

func (k fixedKeys) VerificationKey(kid string) (signer.Key, bool) { return k.key(), kid == "k" }

func (k fixedKeys) compact(header, payload string) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.private, []byte(input)))
}

func (fixedKeys) Refresh(context.Context, string) error { return nil }

func (fixedKeys) RefreshTo(context.Context, time.Time) error { return nil }

// ed25519Backend signs with that key.
type ed25519Backend struct {
	instant
	keys fixedKeys
}

func (b ed25519Backend) Sign(_ context.Context, req signer.Request) ([]byte, error) {
	return ed25519.Sign(b.keys.private, req.Input), nil
}

func fuzzSigner(k fixedKeys) *signer.Signer {
	return signer.New(signer.Config{Keys: k, Backend: instant{}, Issuer: testIssuer, Now: testNow})
}

const fuzzHeader = `{"alg":"EdDSA","kid":"k","typ":"at+jwt"}`

func fuzzPayload() string {
	now := testTime.Unix()
	return fmt.Sprintf(`{"iss":%q,"sub":"s","aud":["a","b"],"exp":%d,"nbf":%d.5,"iat":%d,"jti":"j","client_id":"c","x":{"y":[1,null,"\u00e9\ud83d\ude00"]}}`, testIssuer, now+9, now-1, now)
}

// Any text: never a panic, never accepted but the one token that was signed.
func FuzzVerify(f *testing.F) {
	k := newFixedKeys()
	s := fuzzSigner(k)
	right := k.compact(fuzzHeader, fuzzPayload())
	for _, seed := range []string{right, "", "..", "a.b.c", right + ".", right[:len(right)-1], k.compact(`{"alg":"none"}`, "{}"), k.compact(fuzzHeader, `{"iss":1}`), `{"payload":""}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := s.Verify(t.Context(), token)
		if err == nil && token != right {
			t.Fatalf("accepted %q", token)
		}
		if err != nil && !errors.Is(err, signer.ErrInvalidToken) {
			t.Fatalf("got %v", err)
		}
	})
}

// Any header and payload, well signed: what we accept, encoding/json reads the
// same way, so that no two parsers disagree about a token.
func FuzzSignedContents(f *testing.F) {
	k := newFixedKeys()
	s := fuzzSigner(k)
	f.Add(fuzzHeader, fuzzPayload())
	f.Add(fuzzHeader, `{"iss":"x","iss":"y"}`)
	f.Add(`{"alg":"EdDSA","kid":"k","typ":"at+jwt","crit":["x"]}`, fuzzPayload())
	f.Add(`{"alg":"EdDSA","kid":"k","typ":"at+jwt","x":[[[]]]}`, `{"a":"\ud800"}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		claims, err := s.Verify(t.Context(), k.compact(header, payload))
		if err != nil {
			if !errors.Is(err, signer.ErrInvalidToken) {
				t.Fatalf("got %v", err)
			}
			return
		}
		var head struct{ Alg, Kid string }
		var body struct {
			Iss, Sub, Jti string
			ClientID      string `json:"client_id"`
		}
		if err := json.Unmarshal([]byte(header), &head); err != nil {
			t.Fatalf("encoding/json refuses the header: %v", err)
		}
		if err := json.Unmarshal([]byte(payload), &body); err != nil {
			t.Fatalf("encoding/json refuses the payload: %v", err)
		}
		if head.Alg != "EdDSA" || head.Kid != "k" || body.Iss != claims.Issuer || body.Sub != claims.Subject || body.Jti != claims.ID || body.ClientID != claims.ClientID {
			t.Fatalf("read differently: %+v %+v, ours %+v", head, body, claims)
		}
	})
}

// A custom claim that CheckCustom lets through never breaks the token, and
// every token that Sign makes is one that Verify accepts.
func FuzzCustomClaims(f *testing.F) {
	k := newFixedKeys()
	s := signer.New(signer.Config{Keys: k, Backend: ed25519Backend{instant{}, k}, Issuer: testIssuer, Now: testNow})
	f.Add("tenant", `"a"`, "user:alice")
	f.Add("x", `{"a":[1,2,{"b":null}]}`, "\u2028<&>\"\\")
	f.Add("Sub", `1,"sub":"root"`, "\x00\x1f\x7f")
	f.Fuzz(func(t *testing.T, name, value, subject string) {
		c := testClaims()
		c.Subject = subject
		c.Custom = map[string]json.RawMessage{name: json.RawMessage(value)}
		token, err := s.Sign(t.Context(), "r", c, signer.Origin{})
		if errors.Is(err, signer.ErrInvalidClaims) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		claims, err := s.Verify(t.Context(), token.Compact)
		if err != nil || claims.Subject != subject || claims.ClientID != c.ClientID || len(claims.Custom) != 1 {
			t.Fatalf("signed but not read back: %v %+v", err, claims)
		}
	})
}
