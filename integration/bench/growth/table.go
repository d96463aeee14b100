package growth

import (
	"fmt"
	"strings"

	"signet/internal/grouped"
)

// Rows is the table of an axis: what grew and its sizes, then a row for each figure
// with its exponent at the end.
func (a *Axis) Rows() [][]string {
	head := []string{a.Name}
	for _, size := range a.Sizes {
		head = append(head, grouped.Thousands(size))
	}
	rows := [][]string{append(head, "k")}
	for _, l := range a.Lines {
		row := []string{l.Name}
		for _, v := range l.Values {
			row = append(row, Figure(v))
		}
		rows = append(rows, append(row, l.exponent()))
	}
	return rows
}

func (l *Line) exponent() string {
	switch {
	case l.K == nil:
		return ""
	case l.Missed:
		return fmt.Sprintf("%.2f MISSED", *l.K)
	default:
		return strings.Replace(fmt.Sprintf("%.2f", *l.K), "-0.00", "0.00", 1)
	}
}

// Figure is a number as the tables have it: three digits, or all before the point.
func Figure(v float64) string {
	if v >= 99.95 {
		return grouped.Thousands(int(v + 0.5))
	}
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%.3g", v)
}

// Markdown is a table whose first row is its head.
func Markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}
