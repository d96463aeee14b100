package clients_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"signet/clients"
)

func TestParseScope(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		scope string
		want  []string
		bad   bool
	}{
		"empty":              {"", nil, false},
		"one":                {"read", []string{"read"}, false},
		"order kept":         {"write read", []string{"write", "read"}, false},
		"repeated":           {"a b a", []string{"a", "b"}, false},
		"case tells apart":   {"a A", []string{"a", "A"}, false},
		"all the characters": {"!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~", []string{"!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"}, false},
		"a space":            {" ", nil, true},
		"space in front":     {" a", nil, true},
		"space behind":       {"a ", nil, true},
		"two spaces":         {"a  b", nil, true},
		"tab":                {"a\tb", nil, true},
		"newline":            {"a\nb", nil, true},
		"NUL":                {"a\x00", nil, true},
		"DEL":                {"a\x7f", nil, true},
		"quote":              {`a"`, nil, true},
		"backslash":          {`a\`, nil, true},
		"beyond ASCII":       {"größe", nil, true},
		"invalid UTF-8":      {"a\xff", nil, true},
		"no-break space":     {"a\u00a0b", nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := clients.ParseScope(c.scope)
			if !slices.Equal(got, c.want) || errors.Is(err, clients.ErrScope) != c.bad || (err != nil) != c.bad {
				t.Fatalf("got %q, %v", got, err)
			}
			describable(t, err)
		})
	}
}

// FuzzParseScope: no scope makes it panic; what it makes of one it reads back as
// the same, without repetition, and it takes exactly RFC 6749's grammar.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"", " ", "a", "a b", "a  b", "a b a", "a\xff", "é", `a"`, strings.Repeat("a ", 100) + "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, scope string) {
		tokens, err := clients.ParseScope(scope)
		if err != nil {
			if !errors.Is(err, clients.ErrScope) || tokens != nil || wellFormed(scope) {
				t.Fatalf("%q: got %q, %v", scope, tokens, err)
			}
			describable(t, err)
			return
		}
		if scope != "" && !wellFormed(scope) {
			t.Fatalf("%q is accepted", scope)
		}
		again, err := clients.ParseScope(strings.Join(tokens, " "))
		if err != nil || !slices.Equal(again, tokens) {
			t.Fatalf("%q: %q, then %q, %v", scope, tokens, again, err)
		}
		seen := map[string]bool{}
		for _, token := range tokens {
			if token == "" || seen[token] {
				t.Fatalf("%q: got %q", scope, tokens)
			}
			seen[token] = true
		}
	})
}

// wellFormed is scope-token *( SP scope-token ), byte by byte.
func wellFormed(scope string) bool {
	before := byte(' ')
	for _, c := range []byte(scope) {
		switch {
		case c == ' ' && before == ' ':
			return false
		case c == ' ', c == 0x21, c >= 0x23 && c <= 0x5b, c >= 0x5d && c <= 0x7e:
			before = c
		default:
			return false
		}
	}
	return before != ' '
}

func TestScope(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Scopes: []string{"read", "orders:*", "write", "*.admin"}})
	cases := map[string]struct {
		requested, want string
		bad             bool
	}{
		"none":              {"", "read write", false},
		"one":               {"write", "write", false},
		"in their order":    {"write read", "write read", false},
		"repeated":          {"read read", "read", false},
		"by glob":           {"orders:list x.admin", "orders:list x.admin", false},
		"glob of nothing":   {"orders:", "", true},
		"glob over a colon": {"orders:a:b", "", true},
		"glob itself":       {"orders:*", "", true},
		"unknown":           {"delete", "", true},
		"one unknown":       {"read delete", "", true},
		"another case":      {"Read", "", true},
		"malformed":         {"read  write", "", true},
		"malformed quotes":  {`"`, "", true},
		"long":              {strings.Repeat("x", 5000), "", true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.Scope(tc.requested)
			if got != tc.want || errors.Is(err, clients.ErrScope) != tc.bad || (err != nil) != tc.bad {
				t.Fatalf("got %q, %v", got, err)
			}
			describable(t, err)
		})
	}
	nothing := one(t, clients.Entry{})
	if got, err := nothing.Scope(""); got != "" || err != nil {
		t.Errorf("no scopes, none requested: got %q, %v", got, err)
	}
	if got, err := nothing.Scope("read"); got != "" || !errors.Is(err, clients.ErrScope) {
		t.Errorf("no scopes, one requested: got %q, %v", got, err)
	}
}

// TestRefusalNamesThePlace: never what stands there, which may be a token or a
// secret in the wrong parameter.
func TestRefusalNamesThePlace(t *testing.T) {
	t.Parallel()
	const secret = "srt_9aXbKq0TsecretInTheWrongParameter"
	c := one(t, clients.Entry{Scopes: []string{"s*"}, Audiences: []string{"a"}})
	for n, want := range map[int]string{
		1: "the 1st ", 2: "the 2nd ", 3: "the 3rd ", 4: "the 4th ", 11: "the 11th ", 12: "the 12th ", 13: "the 13th ",
		21: "the 21st ", 102: "the 102nd ", 111: "the 111th ",
	} {
		// What repeats before it counts too: the place is that in the request.
		_, scope := c.Scope(strings.Repeat("s1 ", n-1) + "x" + secret)
		_, audience := c.Audience(append(slices.Repeat([]string{"a"}, n-1), secret))
		for what, err := range map[string]error{"scope name": scope, "audience": audience} {
			if err == nil || !strings.Contains(err.Error(), want+what+" is not allowed for this client") || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s%s and nothing else of the request", err, want, what)
			}
		}
	}
}

// TestScopeNeverGrows: the answer has what was asked for and nothing else, and
// who asks for the answer again gets it again.
func TestScopeNeverGrows(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Scopes: []string{"a", "b", "c:*", "*/d"}})
	token := rapid.SampledFrom([]string{"a", "b", "c:x", "c:y", "x/d", "e", "c:*", "*/d", "A"})
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.SliceOfN(token, 0, 6).Draw(t, "asked")
		got, err := c.Scope(strings.Join(asked, " "))
		allowed := !slices.ContainsFunc(asked, func(s string) bool { return !reference([]string{"a", "b", "c:*", "*/d"}, s) })
		if (err == nil) != allowed {
			t.Fatalf("%q: got %v", asked, err)
		}
		if err != nil {
			return
		}
		for part := range strings.SplitSeq(got, " ") {
			if len(asked) > 0 && !slices.Contains(asked, part) {
				t.Fatalf("%q became %q", asked, got)
			}
		}
		again, err := c.Scope(got)
		if err != nil || again != got {
			t.Fatalf("%q became %q, and that %q, %v", asked, got, again, err)
		}
	})
}
