package strictjson

import (
	"errors"
	"unicode/utf8"
)

// Err says that a text is not strict JSON. It carries no detail: what is wrong
// with a token is never told.
var Err = errors.New("not strict JSON")

// ParseObject reads one JSON object, nested at most depth levels (an object of
// scalars is one level), and nothing after it. Members come in the order of the
// text, and their values are parts of data, not copies. The error is [Err].
func ParseObject(data []byte, depth int) ([]Member, error) {
	p := parser{data: data}
	if !utf8.Valid(data) {
		return nil, Err
	}
	p.space()
	if p.peek() != '{' {
		return nil, Err
	}
	members, ok := p.object(depth, true)
	if !ok || !p.end() {
		return nil, Err
	}
	return members, nil
}

// Check says whether data is one strict JSON value of any kind, nested at most
// depth levels; a scalar needs none. The error is [Err].
func Check(data []byte, depth int) error {
	p := parser{data: data}
	if !utf8.Valid(data) || !p.value(depth) || !p.end() {
		return Err
	}
	return nil
}

func (p *parser) object(depth int, keep bool) ([]Member, bool) {
	if depth <= 0 || !p.take('{') {
		return nil, false
	}
	if p.take('}') {
		return nil, true
	}
	var members []Member
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
			members = append(members, Member{Name: name, Value: p.data[start:p.pos]})
		}
		if p.take('}') {
			return members, true
		}
		if !p.take(',') {
			return nil, false
		}
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
