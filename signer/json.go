package signer

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// errJSON carries no detail: what is wrong with a token is never told.
var errJSON = errors.New("not strict JSON")

// member is one name and its undecoded value in a JSON object.
type member struct {
	name  string
	value []byte
}

// parseObject reads one JSON object and nothing after it. It is stricter than
// encoding/json: duplicate names are refused at every depth (RFC 7515 section
// 4, RFC 7519 section 4), so are invalid UTF-8, lone surrogates, a byte order
// mark, and nesting beyond depth. Two parsers then cannot read it differently.
func parseObject(data []byte, depth int) ([]member, error) {
	p := parser{data: data}
	if !utf8.Valid(data) {
		return nil, errJSON
	}
	p.space()
	if p.peek() != '{' {
		return nil, errJSON
	}
	members, ok := p.object(depth, true)
	if !ok || !p.end() {
		return nil, errJSON
	}
	return members, nil
}

// checkJSON says whether data is one strict JSON value.
func checkJSON(data []byte, depth int) error {
	p := parser{data: data}
	if !utf8.Valid(data) || !p.value(depth) || !p.end() {
		return errJSON
	}
	return nil
}

// parser is a recursive descent over RFC 8259; its depth is bounded.
type parser struct {
	data []byte
	pos  int
}

func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0 // NUL is not part of any JSON token
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) end() bool {
	p.space()
	return p.pos == len(p.data)
}

func (p *parser) take(c byte) bool {
	p.space()
	if p.peek() != c || p.pos >= len(p.data) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) literal(s string) bool {
	if len(p.data)-p.pos < len(s) || string(p.data[p.pos:p.pos+len(s)]) != s {
		return false
	}
	p.pos += len(s)
	return true
}

// value reads any value; depth is how many levels of nesting are left.
func (p *parser) value(depth int) bool {
	p.space()
	switch c := p.peek(); {
	case c == '{':
		_, ok := p.object(depth, false)
		return ok
	case c == '[':
		return p.array(depth)
	case c == '"':
		_, ok := p.text()
		return ok
	case c == 't':
		return p.literal("true")
	case c == 'f':
		return p.literal("false")
	case c == 'n':
		return p.literal("null")
	case c == '-' || ('0' <= c && c <= '9'):
		return p.number()
	default:
		return false
	}
}

func (p *parser) array(depth int) bool {
	if depth <= 0 || !p.take('[') {
		return false
	}
	if p.take(']') {
		return true
	}
	for {
		if !p.value(depth - 1) {
			return false
		}
		if p.take(']') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

func (p *parser) object(depth int, keep bool) ([]member, bool) {
	if depth <= 0 || !p.take('{') {
		return nil, false
	}
	if p.take('}') {
		return nil, true
	}
	var members []member
	var names nameSet
	for {
		p.space()
		name, ok := p.text()
		if !ok || !names.add(name) || !p.take(':') {
			return nil, false
		}
		p.space()
		start := p.pos
		if !p.value(depth - 1) {
			return nil, false
		}
		if keep {
			members = append(members, member{name: name, value: p.data[start:p.pos]})
		}
		if p.take('}') {
			return members, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

// nameSet is a list while it is short and a map when it is not, so that an
// object of thousands of names costs no quadratic time.
type nameSet struct {
	few  []string
	many map[string]struct{}
}

func (s *nameSet) add(name string) bool {
	if s.many != nil {
		if _, seen := s.many[name]; seen {
			return false
		}
		s.many[name] = struct{}{}
		return true
	}
	if slices.Contains(s.few, name) {
		return false
	}
	s.few = append(s.few, name)
	if len(s.few) > 16 {
		s.many = make(map[string]struct{}, 2*len(s.few))
		for _, n := range s.few {
			s.many[n] = struct{}{}
		}
	}
	return true
}

// number reads the grammar of RFC 8259 section 6; the value is not computed.
func (p *parser) number() bool {
	if p.peek() == '-' {
		p.pos++
	}
	switch c := p.peek(); {
	case c == '0':
		p.pos++
	case '1' <= c && c <= '9':
		p.digits()
	default:
		return false
	}
	if p.peek() == '.' {
		p.pos++
		if !p.digits() {
			return false
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !p.digits() {
			return false
		}
	}
	return true
}

func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
}

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

// stringValue decodes a member that must be a string.
func (m member) stringValue() (string, bool) {
	p := parser{data: m.value}
	s, ok := p.text()
	return s, ok && p.end()
}

// stringsValue decodes a member that must be a string or an array of strings.
func (m member) stringsValue() ([]string, bool) {
	if s, ok := m.stringValue(); ok {
		return []string{s}, true
	}
	p := parser{data: m.value}
	if !p.take('[') {
		return nil, false
	}
	var list []string
	for {
		p.space()
		s, ok := p.text()
		if !ok {
			return nil, false
		}
		list = append(list, s)
		if p.take(']') {
			return list, p.end()
		}
		if !p.take(',') {
			return nil, false
		}
	}
}
