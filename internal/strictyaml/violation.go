package strictyaml

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Violation is one thing that is wrong with a file.
type Violation struct {
	// Line counts from 1; 0 means that no line applies.
	Line int
	// Field is a path such as rings[0].publish_delay; empty means the file.
	Field string
	// Problem says what is wrong, with the numbers; Remedy what to write instead.
	Problem, Remedy string
}

func (v Violation) text(file string) string {
	var b strings.Builder
	b.WriteString(file)
	if v.Line > 0 {
		fmt.Fprintf(&b, ":%d", v.Line)
	}
	b.WriteString(": ")
	if v.Field != "" {
		b.WriteString(v.Field + ": ")
	}
	b.WriteString(v.Problem)
	if v.Remedy != "" {
		b.WriteString("; " + v.Remedy)
	}
	return b.String()
}

// Error holds the violations of one file, by line.
type Error struct {
	Path string
	// Violations are the first 100, More is how many there are besides.
	Violations []Violation
	More       int
}

// maxViolations is more than anybody reads at once.
const maxViolations = 100

// Error has one line a violation: "signet.yaml:12: field: problem; remedy".
func (e *Error) Error() string {
	file := filepath.Base(e.Path)
	if e.Path == "" {
		file = "input"
	}
	lines := make([]string, 0, len(e.Violations))
	for _, v := range e.Violations {
		lines = append(lines, v.text(file))
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", file, e.More))
	}
	return strings.Join(lines, "\n")
}

// NewError sorts the violations by line; nil if there are none.
func NewError(path string, violations []Violation) error {
	if len(violations) == 0 {
		return nil
	}
	sorted := slices.Clone(violations)
	slices.SortStableFunc(sorted, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Problem, b.Problem))
	})
	sorted = slices.Compact(sorted)
	first := sorted[:min(len(sorted), maxViolations)]
	return &Error{Path: path, Violations: slices.Clip(first), More: len(sorted) - len(first)}
}

// At is a place in a file.
type At struct {
	Line  int
	Field string
}
