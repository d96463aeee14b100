package clients_test

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"signet/clients"
)

// matches is what doc.go says of patterns, in the most naive way: every star is
// tried at every length.
func matches(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] != '*' {
		return s != "" && pattern[0] == s[0] && matches(pattern[1:], s[1:])
	}
	for n := 1; n <= len(s) && s[n-1] != ':' && s[n-1] != '/'; n++ {
		if matches(pattern[1:], s[n:]) {
			return true
		}
	}
	return false
}

// reference is matches over several patterns, for values without a star only.
func reference(patterns []string, s string) bool {
	for _, p := range patterns {
		if !strings.Contains(s, "*") && matches(p, s) {
			return true
		}
	}
	return false
}

// patterns are short and of few letters, so that they match now and then.
func patterns() *rapid.Generator[[]string] {
	pattern := rapid.StringOfN(rapid.SampledFrom([]rune("aab:/**")), 1, 10, -1).
		Filter(func(s string) bool { return !strings.Contains(s, "**") && s != "x" })
	return rapid.SliceOfNDistinct(pattern, 1, 3, rapid.ID)
}

// value is either anything or a pattern with its stars filled in.
func value(t *rapid.T, patterns []string) string {
	if rapid.Bool().Draw(t, "anything") {
		return rapid.StringOfN(rapid.SampledFrom([]rune("aab:/*")), 0, 12, -1).Draw(t, "value")
	}
	var b strings.Builder
	for _, r := range rapid.SampledFrom(patterns).Draw(t, "filled") {
		if r == '*' {
			b.WriteString(rapid.StringOfN(rapid.SampledFrom([]rune("aaab:")), 0, 4, -1).Draw(t, "star"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func TestGlobsMatchTheReference(t *testing.T) {
	t.Parallel()
	both := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		list := patterns().Draw(rt, "patterns")
		c := one(t, clients.Entry{Subjects: list, Scopes: list})
		for range 20 {
			s := value(rt, list)
			want := reference(list, s)
			both[want]++
			if got := c.AllowsSubject(s); got != want {
				rt.Fatalf("subject %q of %q: got %v, want %v", s, list, got, want)
			}
			if s == "" {
				continue // no scope at all
			}
			if _, err := c.Scope(s); (err == nil) != want {
				rt.Fatalf("scope %q of %q: got %v, want %v", s, list, err, want)
			}
		}
	})
	if both[true] < 20 || both[false] < 20 {
		t.Errorf("the values are one-sided: %v", both)
	}
}

// FuzzSubject compares with package regexp on values that nobody thought of.
func FuzzSubject(f *testing.F) {
	list := []string{"user:*", "*/a*b*c", "zoë*", "exact"}
	spelled := make([]string, 0, len(list))
	for _, p := range list {
		spelled = append(spelled, strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, `[^:/*]+`))
	}
	want := regexp.MustCompile(`\A(?:` + strings.Join(spelled, "|") + `)\z`)
	control := regexp.MustCompile(`\p{Cc}`)
	c := one(f, clients.Entry{Subjects: list})
	for _, s := range []string{"user:a", "user:a:b", "x/aabbcc", "zoë", "zoës", "exact", "user:*", "user:\n", "user:\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := c.AllowsSubject(s)
		if got && !want.MatchString(s) {
			t.Errorf("%q is allowed", s)
		}
		if !got && want.MatchString(s) && len(s) <= 255 && utf8.ValidString(s) && !control.MatchString(s) {
			t.Errorf("%q is refused", s)
		}
	})
}

// TestGlobsTakeBoundedTime: the naive way would take longer than anybody waits.
func TestGlobsTakeBoundedTime(t *testing.T) {
	t.Parallel()
	c := one(t, clients.Entry{Subjects: []string{strings.Repeat("a*", 100) + "b"}})
	start := time.Now()
	if c.AllowsSubject(strings.Repeat("a", 255)) {
		t.Error("matched")
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("took %s", took)
	}
}
