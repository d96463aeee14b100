package jsonappend

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// escaped are the bytes that a string holds in escaped form: a table, for it is
// asked about every byte of every token. DEL need not be, but records are read on
// terminals too.
var escaped = func() (e [256]bool) {
	for c := range 0x20 {
		e[c] = true
	}
	e['"'], e['\\'], e[0x7f] = true, true, true
	return e
}()

// String writes s as a JSON string. What is not UTF-8 in s becomes U+FFFD.
func String(b []byte, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if !escaped[c] {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if c == '"' || c == '\\' {
			b = append(b, '\\', c)
		} else {
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// Strings writes all as a JSON array of strings.
func Strings(b []byte, all []string) []byte {
	b = append(b, '[')
	for i, s := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = String(b, s)
	}
	return append(b, ']')
}
