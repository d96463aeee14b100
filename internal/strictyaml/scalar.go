package strictyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Text is one text of a list, with its place.
type Text struct {
	Value string
	At    At
}

// String is the text under key; def if the key is absent.
func (m *Map) String(key, def string) string {
	e, ok := m.take(key)
	if !ok {
		return def
	}
	s, ok := m.doc.text(m.At(key), e.value)
	if !ok {
		return def
	}
	return s
}

// Required is the text under key, which must be there and not be empty.
func (m *Map) Required(key, example string) string {
	s := m.String(key, "")
	if s == "" && m.doc.Readable(m.field(key)) {
		m.doc.refuseKind(m.At(key), "is missing", "write `"+key+": "+example+"`")
	}
	return s
}

// Choice is one of the options; the first if the key is absent.
func (m *Map) Choice(key string, options ...string) string {
	s := m.String(key, options[0])
	if !slices.Contains(options, s) {
		m.doc.refuseKind(m.At(key), Quote(s)+" is not possible here", suggest(s, options))
		return options[0]
	}
	return s
}

// Strings is the list of texts under key.
func (m *Map) Strings(key string) []Text {
	var texts []Text
	for _, n := range m.list(key) {
		at := At{lineOf(n.node, m.At(key).Line), n.field}
		if s, ok := m.doc.text(at, n.node); ok {
			texts = append(texts, Text{s, at})
		}
	}
	return texts
}

// text reads a text. A number or a truth value in its place is refused, not
// converted: `id: 010` would otherwise name another client than it seems to.
// The value is never part of the message; it may be a secret in the wrong place.
func (d *Document) text(at At, n ast.Node) (string, bool) {
	switch node := n.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		d.refuseKind(at, "has "+kind(n)+" where a text is needed", "put it in quotes")
	default:
		d.refuseKind(at, "has "+kind(n)+" where a text is needed", "write a text, or remove the key")
	}
	return "", false
}

// Bool is the truth value under key; false if the key is absent.
func (m *Map) Bool(key string) bool {
	e, ok := m.take(key)
	if !ok {
		return false
	}
	b, ok := e.value.(*ast.BoolNode)
	if !ok {
		m.doc.refuseKind(m.At(key), "has "+kind(e.value)+" where true or false is needed", "write true or false, without quotes")
		return false
	}
	return b.Value
}

// IntRange is what an Int may be. Default applies if the key is absent.
type IntRange struct{ Default, Min, Max int }

// Int is the whole number under key.
func (m *Map) Int(key string, r IntRange) int {
	e, ok := m.take(key)
	if !ok {
		return r.Default
	}
	node, ok := e.value.(*ast.IntegerNode)
	if !ok {
		m.doc.refuseKind(m.At(key), "has "+kind(e.value)+" where a whole number is needed", fmt.Sprintf("write a number from %d to %d, without quotes", r.Min, r.Max))
		return r.Default
	}
	// The source text, not the value: 010 is eight to some readers of YAML and ten to others.
	n, err := strconv.Atoi(node.GetToken().Value)
	if err != nil || strconv.Itoa(n) != node.GetToken().Value {
		m.doc.refuseKind(m.At(key), Quote(node.GetToken().Value)+" is not a plain decimal number", fmt.Sprintf("write a number from %d to %d", r.Min, r.Max))
		return r.Default
	}
	if n < r.Min || n > r.Max {
		m.Refuse(key, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("write a number from %d to %d", r.Min, r.Max))
	}
	return n
}

// DurationRange is what a Duration may be. Default applies if the key is
// absent; Max 0 means no upper limit.
type DurationRange struct{ Default, Min, Max time.Duration }

// Duration is the Go duration string under key. A bare number is refused: it
// has no unit, and YAML readers differ about which one is meant.
func (m *Map) Duration(key string, r DurationRange) time.Duration {
	e, ok := m.take(key)
	if !ok {
		return r.Default
	}
	if node, ok := e.value.(*ast.IntegerNode); ok {
		v := node.GetToken().Value
		m.doc.refuseKind(m.At(key), v+" has no unit", "write "+v+"s if seconds are meant (units: ms, s, m, h)")
		return r.Default
	}
	s, ok := m.doc.text(m.At(key), e.value)
	if !ok {
		return r.Default
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		m.doc.refuseKind(m.At(key), Quote(s)+" is not a duration", "write a number and a unit, such as 30s, 5m or 24h"+dayHint(s))
		return r.Default
	}
	if d < r.Min || (r.Max > 0 && d > r.Max) {
		m.Refuse(key, Compact(d)+" is out of range", "write "+r.text())
	}
	return d
}

func (r DurationRange) text() string {
	if r.Max > 0 {
		return "a duration from " + Compact(r.Min) + " to " + Compact(r.Max)
	}
	return "at least " + Compact(r.Min)
}

// dayHint helps whoever wrote 90d: Go has no unit for days.
func dayHint(s string) string {
	days, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || !strings.HasSuffix(s, "d") || days < 0 || days > 100000 {
		return ""
	}
	return fmt.Sprintf(" (%s is %dh)", s, days*24)
}

// Time is the RFC 3339 time under key; zero if the key is absent.
func (m *Map) Time(key string) time.Time {
	s := m.String(key, "")
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		m.doc.refuseKind(m.At(key), Quote(s)+" is not a time", "write it as in RFC 3339: 2026-01-31T15:04:05Z")
		return time.Time{}
	}
	return t
}

// Compact writes a duration as a person would: 24h, not 24h0m0s.
func Compact(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
