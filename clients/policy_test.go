package clients_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"signet/clients"
)

func TestAllows(t *testing.T) {
	t.Parallel()
	all := []clients.Grant{clients.GrantClientCredentials, clients.GrantRefreshToken, clients.GrantIssue}
	for _, listed := range [][]clients.Grant{nil, all[:1], all[1:2], all[2:], all[:2], all} {
		e := clients.Entry{Audiences: []string{"api"}}
		for _, g := range listed {
			e.Grants = append(e.Grants, string(g))
		}
		c := one(t, e)
		for _, g := range append(slices.Clone(all), "", "password", "Issue") {
			if c.Allows(g) != slices.Contains(listed, g) {
				t.Errorf("%q of %q: %v", g, listed, c.Allows(g))
			}
		}
	}
}

func TestAllowsSubject(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		patterns []string
		subject  string
		want     bool
	}{
		"equal":                     {[]string{"alice"}, "alice", true},
		"another":                   {[]string{"alice"}, "bob", false},
		"another case":              {[]string{"alice"}, "Alice", false},
		"prefix only":               {[]string{"alice"}, "alice2", false},
		"suffix only":               {[]string{"alice"}, "malice", false},
		"star":                      {[]string{"user:*"}, "user:alice", true},
		"star of nothing":           {[]string{"user:*"}, "user:", false},
		"star over a colon":         {[]string{"user:*"}, "user:a:b", false},
		"star over a slash":         {[]string{"user:*"}, "user:a/b", false},
		"star at a final slash":     {[]string{"user:*"}, "user:a/", false},
		"star beyond ASCII":         {[]string{"user:*"}, "user:zoë", true},
		"star, anchored in front":   {[]string{"user:*"}, "super-user:a", false},
		"star, anchored behind":     {[]string{"*:user"}, "a:user2", false},
		"star alone":                {[]string{"*"}, "anybody", true},
		"star alone over a colon":   {[]string{"*"}, "user:a", false},
		"star alone over a slash":   {[]string{"*"}, "/", false},
		"two stars":                 {[]string{"*:*"}, "user:a", true},
		"two stars, three parts":    {[]string{"*:*"}, "user:a:b", false},
		"three stars":               {[]string{"*:*/*"}, "a:b/c", true},
		"stars within":              {[]string{"a*b*c"}, "axbxbxc", true},
		"stars within, one empty":   {[]string{"a*b*c"}, "axbc", false},
		"star goes back":            {[]string{"*ab"}, "aabab", true},
		"dots are no wild cards":    {[]string{"user.*"}, "user:a", false},
		"question marks are none":   {[]string{"user:?"}, "user:a", false},
		"brackets are none":         {[]string{"user:[ab]"}, "user:a", false},
		"second pattern":            {[]string{"a", "b:*"}, "b:c", true},
		"no pattern":                {nil, "alice", false},
		"value with a star":         {[]string{"user:*"}, "user:*", false},
		"value with a star within":  {[]string{"user:*"}, "user:a*", false},
		"empty":                     {[]string{"*"}, "", false},
		"newline":                   {[]string{"user:*"}, "user:a\n", false},
		"NUL":                       {[]string{"user:*"}, "user:\x00", false},
		"DEL":                       {[]string{"user:*"}, "user:\x7f", false},
		"C1 control":                {[]string{"user:*"}, "user:\u0085", false},
		"invalid UTF-8":             {[]string{"user:*"}, "user:\xff", false},
		"255 bytes":                 {[]string{"*"}, strings.Repeat("a", 255), true},
		"256 bytes":                 {[]string{"*"}, strings.Repeat("a", 256), false},
		"256 bytes of longer runes": {[]string{"*"}, strings.Repeat("é", 128), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// It may issue, yet without subjects for nobody.
			client := one(t, clients.Entry{Grants: []string{"issue"}, Audiences: []string{"api"}, Subjects: c.patterns})
			if client.AllowsSubject(c.subject) != c.want {
				t.Fatalf("%q of %q: got %v", c.subject, c.patterns, !c.want)
			}
		})
	}
}

func TestAllowsClaim(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Claims: []string{"tenant", "https://example.com/role"}})
	for _, name := range []string{"tenant", "https://example.com/role"} {
		if !c.AllowsClaim(name) {
			t.Errorf("%s is refused", name)
		}
	}
	for _, name := range []string{"", "Tenant", "tenan", "tenants", "tenant ", "role", "exp", "EXP", "iss", "sub", "aud", "jti", "scope", "client_id", "active", "kid"} {
		if c.AllowsClaim(name) {
			t.Errorf("%q is allowed", name)
		}
	}
	if one(t, clients.Entry{}).AllowsClaim("tenant") {
		t.Error("a client without claims may set one")
	}
}

// TestRegisteredClaims: no file can list one, in any case of its letters.
func TestRegisteredClaims(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "scope", "client_id", "typ", "alg", "kid", "active", "token_type"} {
		for _, spelled := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			_, err := clients.Entry{ID: "x", Claims: []string{spelled}}.YAML()
			if err == nil || !strings.Contains(err.Error(), "is a registered claim") {
				t.Errorf("%s: got %v", spelled, err)
			}
		}
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Audiences: []string{"https://a", "https://b", "https://c"}})
	cases := map[string]struct{ requested, want []string }{
		"none":             {nil, []string{"https://a"}},
		"empty list":       {[]string{}, []string{"https://a"}},
		"one":              {[]string{"https://b"}, []string{"https://b"}},
		"in their order":   {[]string{"https://c", "https://a"}, []string{"https://c", "https://a"}},
		"twice":            {[]string{"https://b", "https://b"}, []string{"https://b"}},
		"unknown":          {[]string{"https://d"}, nil},
		"one unknown":      {[]string{"https://a", "https://d"}, nil},
		"another case":     {[]string{"https://A"}, nil},
		"with a slash":     {[]string{"https://a/"}, nil},
		"empty":            {[]string{""}, nil},
		"glob":             {[]string{"*"}, nil},
		"joined":           {[]string{"https://a https://b"}, nil},
		"quotes in it":     {[]string{`"x\`}, nil},
		"control in it":    {[]string{"a\nb"}, nil},
		"longer than RFCs": {[]string{strings.Repeat("x", 5000)}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.Audience(tc.requested)
			if !slices.Equal(got, tc.want) || (tc.want == nil) != errors.Is(err, clients.ErrTarget) {
				t.Fatalf("got %q, %v", got, err)
			}
			describable(t, err)
		})
	}
	if got, err := one(t, clients.Entry{}).Audience(nil); got != nil || !errors.Is(err, clients.ErrTarget) {
		t.Errorf("without audiences: got %q, %v", got, err)
	}
}

// TestAudienceIsTheCallers: the policy does not change with what a caller does to the answer.
func TestAudienceIsTheCallers(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Audiences: []string{"a", "b"}})
	for _, requested := range [][]string{nil, {"a", "b"}} {
		got, err := c.Audience(requested)
		if err != nil {
			t.Fatal(err)
		}
		got[0] = "mallory"
	}
	if got, err := c.Audience(nil); err != nil || got[0] != "a" {
		t.Errorf("got %q, %v", got, err)
	}
}

// describable: RFC 6749 section 5.2 has no place for quotes, backslashes and
// control characters in an error_description.
func describable(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }) || len(err.Error()) > 200 {
		t.Errorf("unfit for an error_description: %q", err.Error())
	}
}
