package signer_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"signet/signer"
	"signet/signer/signertest"
)

// forger makes tokens that are wrong in one way each.
type forger struct {
	t      *testing.T
	h      *signertest.Holder
	s      *signer.Signer
	listen string // where a fetch of jku or x5u would be seen
}

// header is a right header for version 1 of ring, edited: old is replaced by new.
func (f *forger) header(ring string, edit ...string) string {
	key := f.h.Key(ring, 1)
	text := fmt.Sprintf(`{"alg":%q,"kid":%q,"typ":"at+jwt"}`, key.Algorithm, key.KID)
	return f.edit(text, edit)
}

// payload is a right payload, edited.
func (f *forger) payload(edit ...string) string {
	now := testTime.Unix()
	return f.edit(fmt.Sprintf(`{"iss":%q,"sub":"user:alice","aud":"https://api.example.com","exp":%d,"nbf":%d,"iat":%d,"jti":"j","client_id":"login"}`,
		testIssuer, now+300, now, now), edit)
}

func (f *forger) edit(text string, edit []string) string {
	f.t.Helper()
	for i := 0; i < len(edit); i += 2 {
		if !strings.Contains(text, edit[i]) {
			f.t.Fatalf("%s does not contain %s: the mutation would be none", text, edit[i])
		}
		text = strings.Replace(text, edit[i], edit[i+1], 1)
	}
	return text
}

// withHeader is well signed under a wrong header, withPayload under a wrong payload.
func (f *forger) withHeader(edit ...string) string {
	return f.h.Compact("ES256", 1, f.header("ES256", edit...), f.payload())
}

func (f *forger) withPayload(edit ...string) string {
	return f.h.Compact("ES256", 1, f.header("ES256"), f.payload(edit...))
}

// right is a token without fault.
func (f *forger) right(ring string) string { return f.h.Compact(ring, 1, f.header(ring), f.payload()) }

// resigned has the signature replaced by what change makes of it.
func (f *forger) resigned(ring string, change func([]byte) []byte) string {
	parts := strings.Split(f.right(ring), ".")
	sig := change(part(f.t, f.right(ring), 2))
	return parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// hmacKeyed is an HS256 token keyed by text that anybody knows.
func (f *forger) hmacKeyed(kidRing string, secret []byte) string {
	input := b64(f.header(kidRing, `"alg":"`+kidRing+`"`, `"alg":"HS256"`)) + "." + b64(f.payload())
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

type rejection struct {
	class string
	cases func(*forger) map[string]string
}

func replaced(old string, news ...string) func(*forger) map[string]string {
	return func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, n := range news {
			cases[n] = f.withPayload(old, n)
		}
		return cases
	}
}

func headerReplaced(old string, news ...string) func(*forger) map[string]string {
	return func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, n := range news {
			cases[n] = f.withHeader(old, n)
		}
		return cases
	}
}

// rejections is what RFC 8725 and RFC 7515 have a verifier refuse, class by class.
var rejections = []rejection{
	{"RejectsNone", func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, alg := range []string{"none", "None", "NONE", "nOnE", "", " none", "null"} {
			head := b64(f.header("ES256", `"alg":"ES256"`, `"alg":"`+alg+`"`))
			cases[alg+" without signature"] = head + "." + b64(f.payload()) + "."
			cases[alg+" with old signature"] = head + "." + b64(f.payload()) + "." + strings.Split(f.right("ES256"), ".")[2]
			cases[alg+" signed"] = f.withHeader(`"alg":"ES256"`, `"alg":"`+alg+`"`)
		}
		return cases
	}},
	{"RejectsAlgMismatch", func(f *forger) map[string]string {
		cases := map[string]string{
			"RS256 key, PS256 header and signature": f.h.Compact("PS256", 1, f.header("RS256", `RS256`, `PS256`), f.payload()),
			"PS256 key, RS256 header":               f.h.Compact("PS256", 1, f.header("PS256", `PS256`, `RS256`), f.payload()),
			"PS256 key, RS256 signature":            f.h.Compact("RS256", 1, f.header("PS256"), f.payload()),
			"no alg":                                f.withHeader(`"alg":"ES256",`, ``),
			"ALG only":                              f.withHeader(`"alg"`, `"ALG"`),
			"alg and ALG":                           f.withHeader(`"typ"`, `"ALG":"none","typ"`),
			"number":                                f.withHeader(`"alg":"ES256"`, `"alg":256`),
			"array":                                 f.withHeader(`"alg":"ES256"`, `"alg":["ES256"]`),
			"object":                                f.withHeader(`"alg":"ES256"`, `"alg":{"ES256":1}`),
			"null":                                  f.withHeader(`"alg":"ES256"`, `"alg":null`),
		}
		for _, alg := range []string{"es256", "ES384", "ES512", "RS256", "EdDSA", "HS256", "HS384", "ES256K", "ES256 ", "Ed25519"} {
			cases["ES256 key, "+alg] = f.withHeader(`"alg":"ES256"`, `"alg":"`+alg+`"`)
		}
		return cases
	}},
	{"RejectsHS256KeyedByPublicKey", func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, ring := range []string{"ES256", "RS256"} {
			public := f.h.Key(ring, 1).Public
			der, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				f.t.Fatal(err)
			}
			text, err := json.Marshal(jose.JSONWebKey{Key: public})
			if err != nil {
				f.t.Fatal(err)
			}
			block := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
			cases[ring+" PEM"] = f.hmacKeyed(ring, block)
			cases[ring+" PEM trimmed"] = f.hmacKeyed(ring, []byte(strings.TrimSpace(string(block))))
			cases[ring+" DER"] = f.hmacKeyed(ring, der)
			cases[ring+" JWK"] = f.hmacKeyed(ring, text)
			cases[ring+" kid"] = f.hmacKeyed(ring, []byte(f.h.Key(ring, 1).KID))
			cases[ring+" empty key"] = f.hmacKeyed(ring, nil)
		}
		return cases
	}},
	{"RejectsUnknownKid", func(f *forger) map[string]string {
		kid := `"kid":"` + f.h.Key("ES256", 1).KID + `"`
		cases := map[string]string{
			"other ring's": f.withHeader(kid, `"kid":"`+f.h.Key("RS256", 1).KID+`"`),
			"missing":      f.withHeader(kid+",", ``),
			"1 MB":         f.withHeader(kid, `"kid":"`+strings.Repeat("k", 1<<20)+`"`),
			"8 KB":         f.withHeader(kid, `"kid":"`+strings.Repeat("k", 8<<10)+`"`),
			"KID only":     f.withHeader(`"kid"`, `"KID"`),
		}
		for _, v := range []string{
			`""`, `"../../etc/passwd"`, `"http://` + f.listen + `/k"`, `"' OR 1=1 --"`, `"a\u0000b"`, `1`, `null`, `["` + f.h.Key("ES256", 1).KID + `"]`,
			`{"a":1}`, `true`, `"` + f.h.Key("ES256", 1).KID[:42] + `"`, `"` + f.h.Key("ES256", 1).KID + `="`, `" ` + f.h.Key("ES256", 1).KID + `"`,
		} {
			cases[v] = f.withHeader(kid, `"kid":`+v)
		}
		return cases
	}},
	{"RejectsRetiredVersion", func(f *forger) map[string]string {
		key := f.h.Publish("retired")
		token := f.h.Compact("retired", key.Version, fmt.Sprintf(`{"alg":"ES256","kid":%q,"typ":"at+jwt"}`, key.KID), f.payload())
		if _, err := f.s.Verify(f.t.Context(), token); err != nil {
			f.t.Fatalf("before it is retired: %v", err)
		}
		f.h.Retire("retired", key.Version)
		return map[string]string{"kid of a retired version": token}
	}},
	{"RejectsCrit", headerReplaced(`"typ"`, `"crit":["exp"],"typ"`, `"crit":[],"typ"`, `"crit":"exp","typ"`, `"crit":null,"typ"`, `"crit":["b64"],"b64":false,"typ"`,
		`"b64":false,"typ"`, `"b64":true,"typ"`, `"crit":["alg"],"typ"`, `"crit":["x","x"],"x":1,"typ"`, `"CRIT":["x"],"typ"`, `"zip":"DEF","typ"`, `"crit":["http://e/x"],"http://e/x":1,"typ"`)},
	{"RejectsDuplicateHeaders", headerReplaced(`"typ":"at+jwt"`, `"typ":"at+jwt","typ":"at+jwt"`, `"typ":"JWT","typ":"at+jwt"`, `"typ":"at+jwt","alg":"none"`,
		`"typ":"at+jwt","alg":"ES256"`, `"typ":"at+jwt","kid":"x"`, `"typ":"at+jwt","\u0061lg":"ES256"`, `"x":{"a":1,"a":2},"typ":"at+jwt"`, `"x":[{"b":{"a":1,"\u0061":2}}],"typ":"at+jwt"`)},
	{"RejectsDuplicateClaims", replaced(`"jti":"j"`, `"jti":"j","jti":"j"`, `"jti":"j","sub":"root"`, `"jti":"j","\u0073ub":"root"`, `"jti":"j","exp":9999999999`,
		`"jti":"j","x":{"a":1,"a":1}`, `"jti":"j","x":[[{"a":{},"a":{}}]]`, `"jti":"j","x":1,"x":1`, `"jti":"j","SUB":"root"`, `"jti":"j","Exp":9999999999`, `"jti":"j","ſub":"root"`)},
	{"RejectsWrongTyp", func(f *forger) map[string]string {
		cases := map[string]string{"missing": f.withHeader(`,"typ":"at+jwt"`, ``), "cty": f.withHeader(`"typ":"at+jwt"`, `"cty":"JWT"`)}
		for _, v := range []string{
			`"JWT"`, `""`, `"at+jwt "`, `"at"`, `"application/jwt"`, `"application/application/at+jwt"`, `"logout+jwt"`, `"dpop+jwt"`, `"client-authentication+jwt"`,
			`"token-introspection+jwt"`, `"statuslist+jwt"`, `["at+jwt"]`, `null`, `1`, `"at+jwt;x=y"`,
		} {
			cases[v] = f.withHeader(`"typ":"at+jwt"`, `"typ":`+v)
		}
		return cases
	}},
	{"RejectsForeignIssuer", replaced(`"iss":"`+testIssuer+`"`, `"iss":"`+testIssuer+`/"`, `"iss":"`+testIssuer+`.evil.com"`, `"iss":"https://tokens.example.co"`, `"iss":"HTTPS://tokens.example.com"`,
		`"iss":""`, `"iss":null`, `"iss":["`+testIssuer+`"]`, `"iss":1`, `"x":1`, `"iss":" `+testIssuer+`"`)},
	{"RejectsDates", func(f *forger) map[string]string {
		cases := make(map[string]string)
		now := testTime.Unix()
		exp, nbf, iat := fmt.Sprintf(`"exp":%d`, now+300), fmt.Sprintf(`"nbf":%d`, now), fmt.Sprintf(`"iat":%d`, now)
		for name, old := range map[string]string{"exp": exp, "nbf": nbf, "iat": iat} {
			for _, v := range []string{
				`"1790000000"`, `1e400`, `-1`, `9223372036854775808`, `9223372036854775807`, `1e30`, `253402300800`, `null`, `true`, `[1]`, `{}`, `NaN`, `Infinity`, `0x10`, `01`, `1.`, `+1`, `-1e400`,
			} {
				cases[name+" "+v] = f.withPayload(old, `"`+name+`":`+v)
			}
			cases["no "+name] = f.withPayload(old+",", ``)
		}
		cases["expired"] = f.withPayload(exp, fmt.Sprintf(`"exp":%d`, now-5))
		cases["expired with a fraction"] = f.withPayload(exp, fmt.Sprintf(`"exp":%d.5`, now-6))
		cases["long expired"] = f.withPayload(exp, `"exp":0`)
		cases["not valid yet"] = f.withPayload(nbf, fmt.Sprintf(`"nbf":%d`, now+11))
		cases["not valid yet by a fraction"] = f.withPayload(nbf, fmt.Sprintf(`"nbf":%d.25`, now+10))
		cases["issued in the future"] = f.withPayload(iat, fmt.Sprintf(`"iat":%d`, now+11))
		cases["exp before iat"] = f.withPayload(exp, fmt.Sprintf(`"exp":%d`, now-1))
		cases["auth_time text"] = f.withPayload(exp, exp+`,"auth_time":"x"`)
		return cases
	}},
	{"RejectsAudience", replaced(`"aud":"https://api.example.com"`, `"aud":""`, `"aud":[]`, `"aud":[""]`, `"aud":["a",1]`, `"aud":[["a"]]`, `"aud":{"a":1}`, `"aud":null`, `"aud":1`, `"AUD":"a"`, `"x":1`)},
	{"RejectsMissingClaims", func(f *forger) map[string]string {
		cases := make(map[string]string)
		for name, old := range map[string]string{"sub": `"sub":"user:alice"`, "jti": `"jti":"j"`, "client_id": `"client_id":"login"`} {
			for _, v := range []string{`""`, `null`, `1`, `["x"]`, `{}`} {
				cases[name+" "+v] = f.withPayload(old, `"`+name+`":`+v)
			}
			cases["no "+name] = f.withPayload(old, `"x":1`)
		}
		cases["scope list"] = f.withPayload(`"jti"`, `"scope":["a"],"jti"`)
		cases["sid number"] = f.withPayload(`"jti"`, `"sid":1,"jti"`)
		return cases
	}},
	{"RejectsBadJSON", func(f *forger) map[string]string {
		deep := strings.Repeat(`[`, 4000) + strings.Repeat(`]`, 4000)
		payloads := map[string]string{
			"empty": "", "null": "null", "array": "[" + f.payload() + "]", "text": `"x"`, "number": "1", "byte order mark": "\ufeff" + f.payload(), "trailing data": f.payload() + "{}",
			"trailing NUL": f.payload() + "\x00", "trailing comma": f.payload(`"login"}`, `"login",}`), "comment": "/**/" + f.payload(), "invalid UTF-8": f.payload("user:alice", "user:\xff"),
			"overlong UTF-8": f.payload("user:alice", "\xc0\xaf"), "UTF-8 surrogate": f.payload("user:alice", "\xed\xa0\x80"), "lone high surrogate": f.payload("user:alice", `\ud800`),
			"lone low surrogate": f.payload("user:alice", `\udc00`), "high high": f.payload("user:alice", `\ud800\ud800`), "bad escape": f.payload("user:alice", `\x41`), "half escape": f.payload("user:alice", `\u00`),
			"raw newline": f.payload("user:alice", "a\nb"), "single quotes": strings.ReplaceAll(f.payload(), `"`, `'`), "unclosed": strings.TrimSuffix(f.payload(), "}"), "deep array": f.payload(`"jti"`, `"x":`+deep+`,"jti"`),
			"deep object": f.payload(`"jti"`, `"x":`+strings.Repeat(`{"a":`, 900)+"1"+strings.Repeat(`}`, 900)+`,"jti"`), "UTF-16": "\xff\xfe{\x00}\x00", "vertical tab": "\v" + f.payload(), "no colon": f.payload(`"sub":`, `"sub" `),
			"name not text": f.payload(`"sub":`, `sub:`), "17 levels": f.payload(`"jti"`, `"x":`+strings.Repeat(`[`, 16)+strings.Repeat(`]`, 16)+`,"jti"`), "literal": f.payload(`"jti"`, `"x":True,"jti"`), "nested token": f.right("ES256"),
		}
		cases := make(map[string]string)
		for name, p := range payloads {
			cases["payload "+name] = f.h.Compact("ES256", 1, f.header("ES256"), p)
		}
		for _, head := range []string{"", "null", "[]", `"x"`, "{}", "{", "\ufeff" + f.header("ES256"), f.header("ES256") + " x", f.header("ES256", `at+jwt`, "at+jwt\xff"), f.header("ES256", `"typ"`, `"x":`+deep+`,"typ"`)} {
			cases["header "+head[:min(len(head), 40)]+fmt.Sprint(len(head))] = f.h.Compact("ES256", 1, head, f.payload())
		}
		return cases
	}},
	{"RejectsShape", func(f *forger) map[string]string {
		right := f.right("ES256")
		p := strings.Split(right, ".")
		return map[string]string{
			"nothing": "", "dots": "..", "one dot": ".", "many dots": strings.Repeat(".", 1<<20), "two parts": p[0] + "." + p[1], "four parts": right + ".x", "five parts": right + ".x.y", "empty fourth": right + ".",
			"no header": "." + p[1] + "." + p[2], "no payload": p[0] + ".." + p[2], "no signature": p[0] + "." + p[1] + ".", "leading dot": "." + right, "unicode dots": strings.ReplaceAll(right, ".", "．"),
			"leading space": " " + right, "trailing space": right + " ", "trailing newline": right + "\n", "CRLF": right + "\r\n", "NUL": right + "\x00", "Bearer": "Bearer " + right, "quoted": `"` + right + `"`,
			"17 KB": p[0] + "." + p[1] + strings.Repeat("A", 17<<10) + "." + p[2], "1 MB": strings.Repeat("A", 1<<20) + "." + p[1] + "." + p[2], "two tokens": right + right, "two joined by comma": right + "," + right,
			"flattened JSON": `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"}`,
			"general JSON":   `{"payload":"` + p[1] + `","signatures":[{"protected":"` + p[0] + `","signature":"` + p[2] + `"},{"protected":"` + p[0] + `","signature":"` + p[2] + `"}]}`,
			"swapped parts":  p[1] + "." + p[0] + "." + p[2], "refresh token": "sgr_" + strings.Repeat("A", 74),
		}
	}},
	{"RejectsTrailingBits", func(f *forger) map[string]string {
		cases := make(map[string]string)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		p := strings.Split(f.right("ES256"), ".")
		last := p[2][len(p[2])-1:]
		for i := 1; i < 4; i++ { // 64 bytes leave 4 spare bits: 15 other spellings
			other := string(alphabet[strings.Index(alphabet, last)^i])
			cases["spare bits "+other] = p[0] + "." + p[1] + "." + p[2][:len(p[2])-1] + other
		}
		for name, change := range map[string]func(string) string{
			"padding": func(s string) string { return s + "=" }, "double padding": func(s string) string { return s + "==" }, "newline": func(s string) string { return s[:8] + "\n" + s[8:] },
			"carriage return": func(s string) string { return s[:8] + "\r" + s[8:] }, "space": func(s string) string { return s[:8] + " " + s[8:] }, "percent": func(s string) string { return s[:8] + "%41" + s[8:] },
			"extra character": func(s string) string { return s + "A" }, "extra bytes": func(s string) string { return s + "AAAA" }, "one less": func(s string) string { return s[:len(s)-1] },
			"non-ASCII": func(s string) string { return s[:8] + "Ａ" + s[8:] }, "NUL": func(s string) string { return s[:8] + "\x00" + s[8:] }, "plus": func(s string) string { return s[:8] + "+" + s[9:] },
		} {
			for i, where := range []string{"header", "payload", "signature"} {
				q := append([]string(nil), p...)
				q[i] = change(q[i])
				cases[name+" in "+where] = strings.Join(q, ".")
			}
		}
		return cases
	}},
	{"RejectsZeroSignature", func(f *forger) map[string]string {
		n := elliptic.P256().Params().N
		pair := func(r, s *big.Int) func([]byte) []byte {
			return func([]byte) []byte {
				sig := make([]byte, 64)
				r.FillBytes(sig[:32])
				s.FillBytes(sig[32:])
				return sig
			}
		}
		zero, one := new(big.Int), big.NewInt(1)
		cases := map[string]string{
			"r = s = 0": f.resigned("ES256", pair(zero, zero)), "r = s = 1": f.resigned("ES256", pair(one, one)), "r = s = n": f.resigned("ES256", pair(n, n)), "r = 0": f.resigned("ES256", pair(zero, one)),
			"s = 0": f.resigned("ES256", pair(one, zero)), "r = n, s = 1": f.resigned("ES256", pair(n, one)), "r = 1, s = n-1": f.resigned("ES256", pair(one, new(big.Int).Sub(n, one))),
			"r plus n": f.resigned("ES256", func(sig []byte) []byte {
				r := new(big.Int).Add(new(big.Int).SetBytes(sig[:32]), n)
				if r.BitLen() > 256 {
					r.Sub(r, one) // does not fit: any other wrong r will do
					r.Mod(r, new(big.Int).Lsh(one, 256))
				}
				r.FillBytes(sig[:32])
				return sig
			}),
		}
		for _, ring := range []string{"ES384", "ES512", "RS256", "PS256", "EdDSA", "HS256"} {
			cases[ring+" zeros"] = f.resigned(ring, func(sig []byte) []byte { return make([]byte, len(sig)) })
			cases[ring+" ones"] = f.resigned(ring, func(sig []byte) []byte { return []byte(strings.Repeat("\xff", len(sig))) })
		}
		return cases
	}},
	{"RejectsSignatureLength", func(f *forger) map[string]string {
		cases := map[string]string{
			"DER": f.resigned("ES256", func(sig []byte) []byte {
				return derSignature(f.t, sig)
			}),
		}
		for _, a := range signer.Algorithms() {
			cases[string(a)+" one byte more"] = f.resigned(string(a), func(sig []byte) []byte { return append(sig, 0) })
			cases[string(a)+" one byte before"] = f.resigned(string(a), func(sig []byte) []byte { return append([]byte{0}, sig...) })
			cases[string(a)+" one byte less"] = f.resigned(string(a), func(sig []byte) []byte { return sig[:len(sig)-1] })
			cases[string(a)+" one byte"] = f.resigned(string(a), func([]byte) []byte { return []byte{1} })
			cases[string(a)+" twice"] = f.resigned(string(a), func(sig []byte) []byte { return append(sig, sig...) })
		}
		return cases
	}},
	{"RejectsChangedBits", func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, a := range signer.Algorithms() {
			cases[string(a)+" signature"] = f.resigned(string(a), func(sig []byte) []byte { sig[len(sig)/2] ^= 1; return sig })
			p := strings.Split(f.right(string(a)), ".")
			cases[string(a)+" payload"] = p[0] + "." + b64(f.payload("user:alice", "user:mallory")) + "." + p[2]
			cases[string(a)+" header"] = b64(f.header(string(a), `"typ"`, `"x":1,"typ"`)) + "." + p[1] + "." + p[2]
		}
		return cases
	}},
	{"RejectsPSSSaltLength", func(f *forger) map[string]string {
		cases := make(map[string]string)
		for _, salt := range []int{rsa.PSSSaltLengthAuto, 0, 20, 31, 33, 48, 64, 222} {
			cases[fmt.Sprint(salt)] = pssToken(f, salt)
		}
		return cases
	}},
	{"RejectsThrownAwayKey", func(f *forger) map[string]string {
		other := signertest.New(allRings()...)
		cases := make(map[string]string)
		for _, a := range signer.Algorithms() {
			cases[string(a)] = other.Compact(string(a), 1, f.header(string(a)), f.payload())
		}
		cases["embedded jwk"] = other.Compact("ES256", 1, f.header("ES256", `"typ"`, `"jwk":`+firstJWK(f.t, other, "ES256")+`,"typ"`), f.payload())
		cases["jku"] = other.Compact("ES256", 1, f.header("ES256", `"typ"`, `"jku":"http://`+f.listen+`/jwks","typ"`), f.payload())
		cases["x5u"] = other.Compact("ES256", 1, f.header("ES256", `"typ"`, `"x5u":"http://`+f.listen+`/x5u","typ"`), f.payload())
		cases["x5c"] = other.Compact("ES256", 1, f.header("ES256", `"typ"`, `"x5c":["MIIB"],"typ"`), f.payload())
		return cases
	}},
}

func TestVerify(t *testing.T) {
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fetched := make(chan struct{}, 1)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
			fetched <- struct{}{}
		}
	}()
	t.Cleanup(func() { _ = listener.Close() })

	h := signertest.New(append(allRings(), signertest.Ring{Name: "retired"})...)
	f := &forger{t: t, h: h, s: newSigner(h), listen: listener.Addr().String()}
	total := 0
	for _, r := range rejections {
		t.Run(r.class, func(t *testing.T) {
			cases := r.cases(&forger{t: t, h: h, s: f.s, listen: f.listen})
			total += len(cases)
			for name, token := range cases {
				claims, err := f.s.Verify(t.Context(), token)
				if !errors.Is(err, signer.ErrInvalidToken) || errors.Is(err, signer.ErrUnavailable) {
					t.Errorf("%s: got %v", name, err)
				}
				if claims.Subject != "" || claims.Audience != nil {
					t.Errorf("%s: claims came back with the error", name)
				}
			}
		})
	}
	if total < 300 {
		t.Errorf("only %d mutations ran", total)
	}
	t.Logf("%d mutations refused", total)
	select {
	case <-fetched:
		t.Error("a token made the verifier fetch something")
	default:
	}
}

// What a strict verifier must still accept.
func TestVerifyAccepts(t *testing.T) {
	h := signertest.New(allRings()...)
	f := &forger{t: t, h: h, s: newSigner(h)}
	now := testTime.Unix()
	exp, nbf := fmt.Sprintf(`"exp":%d`, now+300), fmt.Sprintf(`"nbf":%d`, now)
	cases := map[string]string{
		"typ upper case":         f.withHeader("at+jwt", "AT+JWT"),
		"typ with application":   f.withHeader("at+jwt", "application/at+jwt"),
		"jku is ignored":         f.withHeader(`"typ"`, `"jku":"http://127.0.0.1:1/","x5c":["x"],"typ"`),
		"aud array":              f.withPayload(`"aud":"https://api.example.com"`, `"aud":[ "a" , "b" ]`),
		"fractional dates":       f.withPayload(exp, fmt.Sprintf(`"exp":%d.75`, now+300), nbf, fmt.Sprintf(`"nbf":%d.5e0`, now)),
		"exponent":               f.withPayload(exp, `"exp":2.5e9`),
		"exp within skew":        f.withPayload(exp, fmt.Sprintf(`"exp":%d`, now-4), fmt.Sprintf(`"iat":%d`, now), fmt.Sprintf(`"iat":%d`, now-60)),
		"nbf within both skews":  f.withPayload(nbf, fmt.Sprintf(`"nbf":%d`, now+10)),
		"whitespace":             f.withPayload(`{"iss"`, " \t\r\n{ \"iss\"", `"login"}`, "\"login\" }\n "),
		"escapes":                f.withPayload("user:alice", `\u0061\ud83d\ude00\"\\\/\b\f\n\r\t`),
		"custom":                 f.withPayload(`"jti"`, `"x":{"a":[1,-2.5e-3,true,false,null,{},[]]},"jti"`),
		"registered but foreign": f.withPayload(`"jti"`, `"cnf":{"jkt":"x"},"jti"`),
	}
	var many strings.Builder
	for i := range 200 {
		fmt.Fprintf(&many, `"n%d":%d,`, i, i)
	}
	cases["200 claims"] = f.withPayload(`"jti"`, many.String()+`"jti"`)
	for _, a := range signer.Algorithms() {
		cases["plain "+string(a)] = f.right(string(a))
	}
	cases["PSS salt 32"] = pssToken(f, 32)
	for name, token := range cases {
		if _, err := f.s.Verify(t.Context(), token); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	claims, err := f.s.Verify(t.Context(), cases["escapes"])
	if err != nil || claims.Subject != "a😀\"\\/\b\f\n\r\t" {
		t.Errorf("escapes: %q, %v", claims.Subject, err)
	}
	claims, err = f.s.Verify(t.Context(), cases["fractional dates"])
	if err != nil || !claims.Expiry.Equal(testTime.Add(300750*time.Millisecond)) {
		t.Errorf("fractional exp read as %v, %v", claims.Expiry, err)
	}
	claims, err = f.s.Verify(t.Context(), cases["custom"])
	if err != nil || string(claims.Custom["x"]) != `{"a":[1,-2.5e-3,true,false,null,{},[]]}` {
		t.Errorf("custom: %s, %v", claims.Custom["x"], err)
	}
}

// HS256 is checked by the key holder: its outage is no verdict on the token,
// and a token that is wrong anyway does not cost a request.
func TestVerifyHS256AsksTheKeyHolder(t *testing.T) {
	h := signertest.New(allRings()...)
	f := &forger{t: t, h: h, s: newSigner(h)}
	token := f.right("HS256")
	if _, err := f.s.Verify(t.Context(), token); err != nil || h.MACChecks() != 1 {
		t.Fatalf("healthy: %v after %d checks", err, h.MACChecks())
	}
	h.Fail(errors.New("sealed"))
	_, err := f.s.Verify(t.Context(), token)
	if !errors.Is(err, signer.ErrUnavailable) || errors.Is(err, signer.ErrInvalidToken) {
		t.Errorf("outage: got %v, want ErrUnavailable", err)
	}
	expired := h.Compact("HS256", 1, f.header("HS256"), f.payload(fmt.Sprint(testTime.Unix()+300), "1000000000"))
	if _, err := f.s.Verify(t.Context(), expired); !errors.Is(err, signer.ErrInvalidToken) || h.MACChecks() != 2 {
		t.Errorf("expired: %v after %d checks, want ErrInvalidToken after 2", err, h.MACChecks())
	}
	if _, err := f.s.Verify(t.Context(), f.right("ES256")); err != nil {
		t.Errorf("ES256 needs no key holder: %v", err)
	}
}

func TestCheckSignatureRefusesKeysThatDoNotFit(t *testing.T) {
	h := signertest.New(allRings()...)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range signer.Algorithms() {
		token := h.Compact(string(a), 1, "{}", "{}")
		input, sig := token[:strings.LastIndexByte(token, '.')], part(t, token, 2)
		right := h.Key(string(a), 1)
		if err := signer.CheckSignature(right, []byte(input), sig); (err == nil) == a.Symmetric() {
			t.Errorf("%s with its own key: %v", a, err)
		}
		for _, b := range signer.Algorithms() {
			wrong := h.Key(string(b), 1)
			wrong.Algorithm = a
			if a != b && signer.CheckSignature(wrong, []byte(input), sig) == nil {
				t.Errorf("%s accepted with the key of %s", a, b)
			}
		}
		wrong := right
		for _, public := range []crypto.PublicKey{nil, "text", small.Public()} {
			wrong.Public = public
			if signer.CheckSignature(wrong, []byte(input), sig) == nil {
				t.Errorf("%s accepted with key %T", a, public)
			}
		}
	}
	if signer.CheckSignature(signer.Key{Algorithm: "none"}, nil, nil) == nil {
		t.Error("none accepted")
	}
}
