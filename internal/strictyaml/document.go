package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	// MaxSize bounds a file: some twenty thousand clients. Whoever reads one need
	// read no more than a byte beyond.
	MaxSize = 4 << 20
	// maxNesting and maxIndent bound the parser's recursion.
	maxNesting = 64
	maxIndent  = 256
)

// Document is a parsed file and everything found wrong with it so far.
type Document struct {
	violations []Violation
	unreadable map[string]bool
	root       *Map
	maps       []*Map
	parsed     bool
}

// Parse never fails: what is wrong is in Err, and Root is then empty.
func Parse(data []byte) *Document {
	d := &Document{unreadable: map[string]bool{}}
	d.root = d.newMap(At{Line: 1})
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !d.plausible(data) {
		return d
	}
	file, err := parse(data)
	if err != nil {
		line, problem := locate(err)
		d.Refuse(At{Line: line}, "not YAML: "+problem, "correct the syntax here or just above")
		return d
	}
	d.open(file)
	return d
}

// parse turns a panic of the parser into an error: a file must never end a
// process that would keep running on the file before it.
func parse(data []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("the parser gave up")
		}
	}()
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// locate takes line and message of a syntax error, and nothing else: the error's
// own text quotes the file, secrets and all.
func locate(err error) (line int, problem string) {
	located, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return 0, "the parser gave up"
	}
	if token := located.GetToken(); token != nil && token.Position != nil {
		line = token.Position.Line
	}
	return line, located.GetMessage()
}

func (d *Document) open(file *ast.File) {
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc != nil && doc.Body != nil && doc.Body.Type() != ast.CommentType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		d.Refuse(At{}, "the file is empty", "write the settings, or point to the right file")
	case len(bodies) > 1:
		d.Refuse(At{Line: lineOf(bodies[1], 0)}, "more than one YAML document or a directive", "keep one document, without --- or % lines between")
	case bodies[0].Type() == ast.NullType:
		d.Refuse(At{}, "the file is empty", "write the settings, or point to the right file")
	default:
		if m, ok := d.fill(d.root.at, bodies[0]); ok {
			d.root, d.parsed = m, true
		}
	}
}

// plausible refuses what the parser handles badly: it recurses by nesting and by
// the keys of a mapping, and lets bytes through that are not YAML characters (YAML 1.2.2 section 5.1).
func (d *Document) plausible(data []byte) bool {
	if len(data) > MaxSize {
		d.Refuse(At{}, "the file is larger than 4 MiB", "make it shorter, or point to the right file")
		return false
	}
	depth, number := 0, 0
	var keys keyCounts
	for line := range bytes.Lines(data) {
		number++
		at := At{Line: number}
		if !utf8.Valid(line) || bytes.ContainsFunc(bytes.TrimRight(line, "\r\n"), forbidden) {
			d.Refuse(at, "not text: control characters or invalid UTF-8", "save the file as plain UTF-8 text")
			return false
		}
		if len(line)-len(bytes.TrimLeft(line, " -?\t")) > maxIndent {
			d.Refuse(at, "nested too deeply", "indent by two spaces a level")
			return false
		}
		if !keys.more(line) {
			d.Refuse(at, "too many keys in one mapping", "point to the right file")
			return false
		}
		for _, c := range line {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(0, depth-1)
			}
		}
		if depth > maxNesting {
			d.Refuse(at, "nested too deeply", "close the brackets")
			return false
		}
	}
	return true
}

func forbidden(r rune) bool {
	return r < 0x20 && r != '\t' || r == 0x7f || (r >= 0x80 && r < 0xa0 && r != 0x85) || r == 0xfffe || r == 0xffff
}

// Root is the outermost mapping.
func (d *Document) Root() *Map { return d.root }

// Parsed reports whether there is anything in Root worth validating.
func (d *Document) Parsed() bool { return d.parsed }

// Refuse records a violation.
func (d *Document) Refuse(at At, problem, remedy string) {
	d.violations = append(d.violations, Violation{Line: at.Line, Field: at.Field, Problem: problem, Remedy: remedy})
}

// refuseKind records that a value could not be read at all, so that rules over
// several fields need not judge the default in its place.
func (d *Document) refuseKind(at At, problem, remedy string) {
	d.unreadable[at.Field] = true
	d.Refuse(at, problem, remedy)
}

// Readable reports whether every one of the fields was absent or had a value
// of the right kind.
func (d *Document) Readable(fields ...string) bool {
	for _, field := range fields {
		if d.unreadable[field] {
			return false
		}
	}
	return true
}

// Err is a *Error with every violation, unknown keys included; nil if none.
// Call it when every Map has been asked for every key it may have.
func (d *Document) Err(path string) error {
	all := d.violations
	for _, m := range d.maps {
		all = append(all, m.unknown()...)
	}
	return NewError(path, all)
}

func lineOf(n ast.Node, fallback int) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return fallback
	}
	return n.GetToken().Position.Line
}

// kind names a node as its writer would.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode, nil:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "a text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		return "an anchor, alias or tag"
	default:
		return "something else"
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// Quote makes text from a file safe and short enough for a message.
func Quote(s string) string {
	const limit = 60
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
