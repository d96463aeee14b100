package signer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"signet/internal/strictjson"
)

// maxTokenSize is the longest token that is looked at. Ours are a tenth of it.
const maxTokenSize = 16 << 10

// maxNumericDate is the last second of the year 9999, the last that RFC 3339
// and most date libraries can write.
const maxNumericDate = 253402300799

var errMalformed = errors.New("malformed token")

// compact is a token taken apart; nothing in it is verified yet.
type compact struct {
	input     []byte // what is signed: header "." payload as they came
	header    []byte
	payload   []byte
	signature []byte
}

// split takes a compact JWS apart. It counts the dots before it allocates
// anything (CVE-2025-27144, CVE-2025-30204), and five parts, a JWE, never reach
// a decoder.
func split(token string) (compact, error) {
	if len(token) > maxTokenSize || strings.Count(token, ".") != 2 {
		return compact{}, errMalformed
	}
	first := strings.IndexByte(token, '.')
	second := strings.LastIndexByte(token, '.')
	c := compact{input: []byte(token[:second])}
	var ok [3]bool
	c.header, ok[0] = decode(token[:first])
	c.payload, ok[1] = decode(token[first+1 : second])
	c.signature, ok[2] = decode(token[second+1:])
	if !ok[0] || !ok[1] || !ok[2] || len(c.signature) == 0 {
		return compact{}, errMalformed
	}
	return c, nil
}

// decode is base64url as RFC 7515 section 2 means it: no padding, no line
// breaks, no spare bits. Go's decoder skips CR and LF even in strict mode, so
// the text must come out again from its bytes: a token has one spelling only.
func decode(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawURLEncoding.EncodeToString(b) != s {
		return nil, false
	}
	return b, true
}

// header is what a JOSE header says; nothing in it is trusted but by comparison
// with the key that kid names.
type header struct {
	alg, kid, typ string
}

// parseHeader reads a JOSE header. jku, jwk, x5u and x5c are not even looked
// at, so no token can make Signet fetch anything or bring its own key.
func parseHeader(raw []byte) (header, error) {
	members, err := strictjson.ParseObject(raw, maxDepth)
	if err != nil {
		return header{}, errMalformed
	}
	var h header
	for _, m := range members {
		ok := true
		switch m.Name {
		case "alg":
			h.alg, ok = m.Text()
		case "kid":
			h.kid, ok = m.Text()
		case "typ":
			h.typ, ok = m.Text()
		case "crit", "b64", "zip": // RFC 7515 4.1.11: no extension is understood; RFC 7797 7: b64 has no place in a JWT
			ok = false
		default:
			ok = !foldsTo(m.Name, "alg", "kid", "typ", "crit", "b64")
		}
		if !ok {
			return header{}, errMalformed
		}
	}
	return h, nil
}

// isAccessToken compares typ as a media type: without regard to case, with or
// without "application/" (RFC 9068 section 4, RFC 7515 section 4.1.9).
func isAccessToken(typ string) bool {
	return strings.EqualFold(typ, "at+jwt") || strings.EqualFold(typ, "application/at+jwt")
}

// foldsTo reports whether a lenient reader could take name for one of names.
func foldsTo(name string, names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// times are the dates of a token with their fractions, as the checks need them.
type times struct{ exp, nbf, iat time.Time }

// parseClaims reads the claims of an access token, every mandatory one present
// and of its type (RFC 9068 section 2.2).
func parseClaims(raw []byte) (Claims, times, error) {
	members, err := strictjson.ParseObject(raw, maxDepth)
	if err != nil {
		return Claims{}, times{}, errMalformed
	}
	var c Claims
	var t times
	for _, m := range members {
		if !c.set(&t, m) {
			return Claims{}, times{}, errMalformed
		}
	}
	if c.Issuer == "" || c.Subject == "" || c.ID == "" || c.ClientID == "" || len(c.Audience) == 0 ||
		t.exp.IsZero() || t.nbf.IsZero() || t.iat.IsZero() {
		return Claims{}, times{}, errMalformed
	}
	c.IssuedAt, c.Expiry = t.iat, t.exp
	return c, t, nil
}

func (c *Claims) set(t *times, m strictjson.Member) (ok bool) {
	switch m.Name {
	case "iss":
		c.Issuer, ok = m.Text()
	case "sub":
		c.Subject, ok = m.Text()
	case "aud":
		c.Audience, ok = m.Texts()
		ok = ok && !slices.Contains(c.Audience, "")
	case "exp":
		t.exp, ok = numericDate(m)
	case "nbf":
		t.nbf, ok = numericDate(m)
	case "iat":
		t.iat, ok = numericDate(m)
	case "jti":
		c.ID, ok = m.Text()
	case "client_id":
		c.ClientID, ok = m.Text()
	case "scope":
		c.Scope, ok = m.Text()
	case "sid":
		c.SessionID, ok = m.Text()
	case "auth_time":
		c.AuthTime, ok = numericDate(m)
	default:
		if !slices.Contains(registered, m.Name) && Registered(m.Name) {
			return false // "EXP" beside "exp": never ours
		}
		if c.Custom == nil {
			c.Custom = make(map[string]json.RawMessage)
		}
		c.Custom[m.Name] = m.Value
		ok = true
	}
	return ok
}

// numericDate reads an RFC 7519 NumericDate: a number, fractions allowed, from
// 1970 to the year 9999. The zero time is never returned with true.
func numericDate(m strictjson.Member) (time.Time, bool) {
	text, ok := m.Number()
	if !ok {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(n, 0), 0 <= n && n <= maxNumericDate
	}
	f, err := strconv.ParseFloat(text, 64) // 1e400 is an error, not infinity
	if err != nil || math.IsNaN(f) || f < 0 || f > maxNumericDate {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(f)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))), true
}
