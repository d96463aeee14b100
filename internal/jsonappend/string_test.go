package jsonappend_test

import (
	"encoding/json"
	"strings"
	"testing"

	"signet/internal/jsonappend"
)

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain", `a"b\c`, "\x00\x1f\x7f\n", "é𝄞", "\xff\xfebad", "<&>\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := jsonappend.Strings([]byte("x"), []string{s, ""})
		var got []string
		if err := json.Unmarshal(text[1:], &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); got[0] != want || got[1] != "" {
			t.Errorf("%q became %q", want, got)
		}
		if strings.ContainsAny(string(text), "\n\r\x00\x7f") {
			t.Errorf("%q holds control characters: a record is one line", text)
		}
	})
}

func TestStringEscapes(t *testing.T) {
	for c := range 0x80 {
		s := "x" + string(rune(c)) + "y"
		text := string(jsonappend.String(nil, s))
		var got string
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != s {
			t.Errorf("%q became %s: %v", s, text, err)
		}
		if want := c < 0x20 || c == 0x7f || c == '"' || c == '\\'; want != (text != `"`+s+`"`) {
			t.Errorf("%q became %s", s, text)
		}
	}
}

func BenchmarkString(b *testing.B) {
	token := strings.Repeat("eyJhbGciOi-_", 60)
	into := make([]byte, 0, 1000)
	b.SetBytes(int64(len(token)))
	for b.Loop() {
		into = jsonappend.String(into[:0], token)
	}
}
