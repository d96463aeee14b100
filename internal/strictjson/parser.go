package strictjson

import (
	"slices"
	"strconv"
)

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

// number reads the grammar of RFC 8259 section 6, of a value that a double can
// hold: what some readers take for infinity, others for an error.
func (p *parser) number() bool {
	start := p.pos
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
	_, err := strconv.ParseFloat(string(p.data[start:p.pos]), 64)
	return err == nil
}

func (p *parser) digits() bool {
	start := p.pos
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.pos++
	}
	return p.pos > start
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
