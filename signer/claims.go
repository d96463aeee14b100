package signer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"signet/internal/jsonappend"
	"signet/internal/strictjson"
)

// ErrInvalidClaims says that Sign was asked for a token that Verify would
// refuse. The message names the claim, never its value.
var ErrInvalidClaims = errors.New("invalid claims")

// Claims are the contents of an access token (RFC 9068 section 2.2).
type Claims struct {
	// Issuer is the iss claim. Sign fills it in; if set, it must be the signer's own.
	Issuer string
	// Subject, ID (jti) and ClientID are always present.
	Subject, ID, ClientID string
	// Scope is the space-separated scope; empty means no scope claim.
	Scope string
	// SessionID is the sid claim; empty means no session.
	SessionID string
	// Audience has at least one member; a single one is written as a string.
	Audience []string
	// IssuedAt is iat and nbf. Expiry is exp. Both are written as whole seconds,
	// rounded down.
	IssuedAt, Expiry time.Time
	// AuthTime is auth_time; zero means no such claim.
	AuthTime time.Time
	// Custom holds all other claims, name to JSON value.
	Custom map[string]json.RawMessage
}

// registered are the names that only Signet itself sets: what a resource server
// takes authority from (RFC 7519 4.1, RFC 8693 4, RFC 7800, RFC 9068, OIDC azp
// and sid, Token Status List).
var registered = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "sid", "auth_time",
	"act", "may_act", "cnf", "azp", "oiat", "status",
}

// Registered reports whether a caller may never set the claim. The comparison
// folds case, because encoding/json does so when it fills a verifier's struct:
// "Exp" after "exp" would win there.
func Registered(name string) bool {
	for _, r := range registered {
		if strings.EqualFold(r, name) {
			return true
		}
	}
	return false
}

// maxDepth bounds the nesting of any JSON that is read or written here.
const maxDepth = 16

// CheckCustom says whether claims may be put into a token: no registered name,
// every value strict JSON (valid UTF-8, no duplicate names, bounded depth). Its
// error is ErrInvalidClaims and names the claim.
func CheckCustom(custom map[string]json.RawMessage) error {
	if len(custom) == 0 {
		return nil // most tokens, and sorting nothing costs allocations
	}
	for _, name := range slices.Sorted(maps.Keys(custom)) {
		switch {
		case name == "" || !utf8.ValidString(name):
			return fmt.Errorf("%w: a claim name is empty or not UTF-8", ErrInvalidClaims)
		case Registered(name):
			return fmt.Errorf("%w: %q is a registered claim", ErrInvalidClaims, name)
		case strictjson.Check(custom[name], maxDepth-1) != nil:
			return fmt.Errorf("%w: the value of %q is not strict JSON", ErrInvalidClaims, name)
		}
	}
	return nil
}

// check refuses what Verify would refuse later.
func (c *Claims) check() error {
	for _, s := range []struct{ name, value string }{
		{"sub", c.Subject}, {"jti", c.ID}, {"client_id", c.ClientID}, {"iss", c.Issuer},
	} {
		if s.value == "" || !utf8.ValidString(s.value) {
			return fmt.Errorf("%w: %s is empty or not UTF-8", ErrInvalidClaims, s.name)
		}
	}
	if len(c.Audience) == 0 || slices.ContainsFunc(c.Audience, func(a string) bool { return a == "" || !utf8.ValidString(a) }) {
		return fmt.Errorf("%w: aud is empty or not UTF-8", ErrInvalidClaims)
	}
	if !utf8.ValidString(c.Scope) || !utf8.ValidString(c.SessionID) {
		return fmt.Errorf("%w: scope or sid is not UTF-8", ErrInvalidClaims)
	}
	if iat, exp := c.IssuedAt.Unix(), c.Expiry.Unix(); iat < 0 || exp <= iat || exp > maxNumericDate {
		return fmt.Errorf("%w: exp is not after iat", ErrInvalidClaims)
	}
	return CheckCustom(c.Custom)
}

// appendJSON writes the claims in a fixed order, registered ones first, custom
// ones by name: equal claims give equal bytes.
func (c *Claims) appendJSON(b []byte) []byte {
	b = append(b, `{"iss":`...)
	b = jsonappend.String(b, c.Issuer)
	b = append(b, `,"sub":`...)
	b = jsonappend.String(b, c.Subject)
	b = append(b, `,"aud":`...)
	b = appendAudience(b, c.Audience)
	iat := c.IssuedAt.Unix()
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, c.Expiry.Unix(), 10)
	b = append(b, `,"nbf":`...)
	b = strconv.AppendInt(b, iat, 10)
	b = append(b, `,"iat":`...)
	b = strconv.AppendInt(b, iat, 10)
	b = append(b, `,"jti":`...)
	b = jsonappend.String(b, c.ID)
	b = append(b, `,"client_id":`...)
	b = jsonappend.String(b, c.ClientID)
	if c.Scope != "" {
		b = append(b, `,"scope":`...)
		b = jsonappend.String(b, c.Scope)
	}
	if c.SessionID != "" {
		b = append(b, `,"sid":`...)
		b = jsonappend.String(b, c.SessionID)
	}
	if !c.AuthTime.IsZero() {
		b = append(b, `,"auth_time":`...)
		b = strconv.AppendInt(b, c.AuthTime.Unix(), 10)
	}
	if len(c.Custom) > 0 {
		b = c.appendCustom(b)
	}
	return append(b, '}')
}

func (c *Claims) appendCustom(b []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(c.Custom)) {
		b = append(b, ',')
		b = jsonappend.String(b, name)
		b = append(b, ':')
		var value bytes.Buffer
		if err := json.Compact(&value, c.Custom[name]); err != nil {
			b = append(b, "null"...) // unreachable: check() parsed the value
			continue
		}
		b = append(b, value.Bytes()...)
	}
	return b
}

func appendAudience(b []byte, audience []string) []byte {
	if len(audience) == 1 {
		return jsonappend.String(b, audience[0])
	}
	return jsonappend.Strings(b, audience)
}
