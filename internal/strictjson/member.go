package strictjson

import "encoding/json"

// Member is one name in an object, decoded, and its value, as the text has it
// but for the blanks around.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Text decodes a value that is a string; false for any other.
func (m Member) Text() (string, bool) {
	p := parser{data: m.Value}
	s, ok := p.text()
	return s, ok && p.end()
}

// Texts decodes a value that is a string or a list of one or more strings; false
// for any other.
func (m Member) Texts() ([]string, bool) {
	if s, ok := m.Text(); ok {
		return []string{s}, true
	}
	p := parser{data: m.Value}
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

// Number is the text of a value that is a number, which may be larger or finer
// than any Go type; false for any other.
func (m Member) Number() (string, bool) {
	p := parser{data: m.Value}
	if !p.number() || !p.end() {
		return "", false
	}
	return string(m.Value), true
}
