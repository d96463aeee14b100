package strictjson

import (
	"slices"
	"unicode/utf8"
)

// text reads a string and decodes it.
func (p *parser) text() (string, bool) {
	if p.peek() != '"' {
		return "", false
	}
	p.pos++
	start := p.pos
	for p.pos < len(p.data) {
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return string(p.data[start : p.pos-1]), true
		case c == '\\':
			return p.escaped(slices.Clone(p.data[start:p.pos]))
		case c < 0x20:
			return "", false
		default:
			p.pos++
		}
	}
	return "", false
}

// escaped goes on with a string after its first backslash was seen.
func (p *parser) escaped(b []byte) (string, bool) {
	for p.pos < len(p.data) {
		c := p.data[p.pos]
		p.pos++
		switch {
		case c == '"':
			return string(b), true
		case c < 0x20:
			return "", false
		case c != '\\':
			b = append(b, c)
		default:
			r, ok := p.escape()
			if !ok {
				return "", false
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return "", false
}

func (p *parser) escape() (rune, bool) {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
	default:
		return 0, false
	}
	r, ok := p.hex4()
	switch {
	case !ok:
		return 0, false
	case 0xD800 <= r && r < 0xDC00: // the first half of a pair (RFC 8259 section 7)
		if !p.literal(`\u`) {
			return 0, false
		}
		low, ok := p.hex4()
		if !ok || low < 0xDC00 || low > 0xDFFF {
			return 0, false
		}
		return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), true
	case 0xDC00 <= r && r <= 0xDFFF:
		return 0, false
	default:
		return r, true
	}
}

func (p *parser) hex4() (rune, bool) {
	if len(p.data)-p.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.pos : p.pos+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 + rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 + rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 + rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	p.pos += 4
	return r, true
}
