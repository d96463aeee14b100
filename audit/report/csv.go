package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// OthersValue is how CSV calls the values that are not named.
const OthersValue = "(others)"

// CSV writes all counts as one long table: period, dimension, value, count. A
// period is named by its start. A value that a spreadsheet would take for a
// formula has an apostrophe before it; what cannot be printed is written as
// \u and its number.
func (r *Report) CSV(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"period", "dimension", "value", "count"}}
	for i := range r.Dimensions {
		d := &r.Dimensions[i]
		for _, v := range d.Values {
			rows = append(rows, countRows(d.Name, plain(v.Value), v.Periods)...)
		}
		if d.Others != nil {
			rows = append(rows, countRows(d.Name, OthersValue, d.Others.Periods)...)
		}
	}
	if err := w.WriteAll(rows); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

func countRows(dimension, value string, counts []Count) [][]string {
	out := make([][]string, 0, len(counts))
	for _, c := range counts {
		out = append(out, []string{c.Start.Format(time.RFC3339), dimension, value, strconv.FormatUint(c.Count, 10)})
	}
	return out
}

// plain keeps a value from being a formula
// (https://owasp.org/www-community/attacks/CSV_Injection), and from steering the
// terminal that it is shown on.
func plain(value string) string {
	var b strings.Builder
	if value != "" && strings.ContainsRune("=+-@", rune(value[0])) {
		b.WriteByte('\'')
	}
	for _, r := range value {
		if r != ' ' && !unicode.IsPrint(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
