package clients

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseScope splits a scope by RFC 6749 section 3.3: tokens of %x21 / %x23-5B /
// %x5D-7E with exactly one space between them. The order is kept, repeated
// tokens are dropped, and "" is no scope at all. The error is ErrScope.
func ParseScope(scope string) ([]string, error) {
	if scope == "" {
		return nil, nil
	}
	var tokens []string
	seen := map[string]bool{}
	for token := range strings.SplitSeq(scope, " ") {
		if !scopeToken(token) {
			return nil, fmt.Errorf("%w: it is not a list of names with single spaces between", ErrScope)
		}
		if !seen[token] {
			seen[token] = true
			tokens = append(tokens, token)
		}
	}
	return tokens, nil
}

func scopeToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x21 || r > 0x7e || r == '"' || r == '\\'
	})
}

// Scope is what a client gets that asks for requested: the same tokens, if the
// policy allows every one, or the policy's plain names if it asks for none. The
// error is ErrScope.
func (c *Client) Scope(requested string) (string, error) {
	tokens, err := ParseScope(requested)
	if err != nil {
		return "", err
	}
	if len(tokens) == 0 {
		for _, g := range c.scopes {
			if g.literal() {
				tokens = append(tokens, string(g))
			}
		}
		return strings.Join(tokens, " "), nil
	}
	for _, token := range tokens {
		if !matchAny(c.scopes, token) {
			place := slices.Index(strings.Split(requested, " "), token) + 1
			return "", fmt.Errorf("%w: the %s scope name is not allowed for this client", ErrScope, ordinal(place))
		}
	}
	return strings.Join(tokens, " "), nil
}

// Audience is what a client gets that asks for requested: the same, if the
// policy lists every one, or the policy's first if it asks for none. The error
// is ErrTarget.
func (c *Client) Audience(requested []string) ([]string, error) {
	if len(requested) == 0 {
		if len(c.Audiences) == 0 {
			return nil, fmt.Errorf("%w: this client has no audience", ErrTarget)
		}
		return []string{c.Audiences[0]}, nil
	}
	audience := make([]string, 0, len(requested))
	for i, a := range requested {
		// Byte for byte: no slash or case games (RFC 8707 section 2).
		if !slices.Contains(c.Audiences, a) {
			return nil, fmt.Errorf("%w: the %s audience is not allowed for this client", ErrTarget, ordinal(i+1))
		}
		if !slices.Contains(audience, a) {
			audience = append(audience, a)
		}
	}
	return audience, nil
}

// ordinal names a place in a list. What stands there is never told: a caller may
// have put a token or a secret into the wrong parameter, and the answer is logged.
func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}
