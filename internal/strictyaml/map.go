package strictyaml

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Map is a mapping of the file, or the empty stand-in for one that is absent.
// Asking for a key makes it known; the keys never asked for are violations.
type Map struct {
	doc     *Document
	at      At
	present bool
	entries map[string]entry
	order   []string
	known   []string
	notYet  map[string]string
	subs    map[string]*Map
}

type entry struct {
	line  int
	value ast.Node
}

func (d *Document) newMap(at At) *Map {
	m := &Map{doc: d, at: at, entries: map[string]entry{}, notYet: map[string]string{}, subs: map[string]*Map{}}
	d.maps = append(d.maps, m)
	return m
}

// fill makes a Map of a node; false if the node is no mapping.
func (d *Document) fill(at At, n ast.Node) (*Map, bool) {
	m := d.newMap(at)
	var values []*ast.MappingValueNode
	switch node := n.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	default:
		d.refuseKind(at, "has "+kind(n)+" where settings are needed", "write `key: value` lines below it")
		return m, false
	}
	m.present = true
	for _, v := range values {
		if v != nil {
			m.add(v)
		}
	}
	return m, true
}

func (m *Map) add(v *ast.MappingValueNode) {
	line := lineOf(v.Key, m.at.Line)
	text, ok := v.Key.(*ast.StringNode)
	if !ok {
		m.doc.Refuse(At{line, m.at.Field}, "a key is not a plain word", "write the key as a word; anchors, tags and << are not supported")
		return
	}
	key := text.Value
	if first, exists := m.entries[key]; exists {
		m.doc.Refuse(At{line, m.field(key)}, fmt.Sprintf("given twice, first in line %d", first.line), "keep one of the two")
		return
	}
	m.entries[key] = entry{line, v.Value}
	m.order = append(m.order, key)
}

func (m *Map) field(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == '.' || r > '~' }) || len(key) > 60 {
		key = Quote(key)
	}
	return join(m.at.Field, key)
}

// Present reports whether the file has this mapping.
func (m *Map) Present() bool { return m.present }

// Has reports whether the file has the key.
func (m *Map) Has(key string) bool {
	_, ok := m.take(key)
	return ok
}

// At is the place of a key, or where it would belong.
func (m *Map) At(key string) At {
	at := At{m.at.Line, m.field(key)}
	if e, ok := m.entries[key]; ok {
		at.Line = e.line
	}
	return at
}

// Refuse records a violation at a key.
func (m *Map) Refuse(key, problem, remedy string) { m.doc.Refuse(m.At(key), problem, remedy) }

// NotYet refuses a key that the manual knows and this version does not.
func (m *Map) NotYet(keys ...string) {
	for _, key := range keys {
		m.notYet[key] = "not in this version of Signet"
	}
}

// take marks the key as known and returns its value.
func (m *Map) take(key string) (entry, bool) {
	if !slices.Contains(m.known, key) {
		m.known = append(m.known, key)
	}
	e, ok := m.entries[key]
	return e, ok
}

// Map is the mapping under key; empty and not Present if there is none.
// Asked twice, it is the same Map.
func (m *Map) Map(key string) *Map {
	if sub, ok := m.subs[key]; ok {
		return sub
	}
	e, ok := m.take(key)
	if ok {
		m.subs[key], _ = m.doc.fill(m.At(key), e.value)
	} else {
		m.subs[key] = m.doc.newMap(m.At(key))
	}
	return m.subs[key]
}

// Maps is the list of mappings under key.
func (m *Map) Maps(key string) []*Map {
	var maps []*Map
	for _, n := range m.list(key) {
		at := At{lineOf(n.node, m.At(key).Line), n.field}
		// A mapping's own token is its first colon, which may stand lower than its key.
		if first := firstKey(n.node); first != nil {
			at.Line = lineOf(first, at.Line)
		}
		if sub, ok := m.doc.fill(at, n.node); ok {
			maps = append(maps, sub)
		}
	}
	return maps
}

func firstKey(n ast.Node) ast.Node {
	switch node := n.(type) {
	case *ast.MappingNode:
		if len(node.Values) > 0 && node.Values[0] != nil {
			return node.Values[0].Key
		}
	case *ast.MappingValueNode:
		return node.Key
	}
	return nil
}

type element struct {
	node  ast.Node
	field string
}

func (m *Map) list(key string) []element {
	e, ok := m.take(key)
	if !ok {
		return nil
	}
	seq, ok := e.value.(*ast.SequenceNode)
	if !ok {
		m.doc.refuseKind(m.At(key), "has "+kind(e.value)+" where a list is needed", "write `"+key+": [...]`")
		return nil
	}
	elements := make([]element, 0, len(seq.Values))
	for i, v := range seq.Values {
		elements = append(elements, element{v, fmt.Sprintf("%s[%d]", m.At(key).Field, i)})
	}
	return elements
}

func (m *Map) unknown() []Violation {
	var found []Violation
	for _, key := range m.order {
		if slices.Contains(m.known, key) {
			continue
		}
		v := Violation{Line: m.entries[key].line, Field: m.field(key)}
		if reason, ok := m.notYet[key]; ok {
			v.Problem, v.Remedy = reason, "remove it"
		} else {
			v.Problem, v.Remedy = "unknown key", suggest(key, m.known)
		}
		found = append(found, v)
	}
	return found
}

// IsMap reports whether the file has a mapping under key.
func (m *Map) IsMap(key string) bool {
	e, ok := m.take(key)
	if !ok {
		return false
	}
	switch e.value.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	default:
		return false
	}
}
