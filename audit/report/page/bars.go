package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"signet/audit/report"
	"signet/internal/grouped"
)

// barsMax is how many bars are drawn; the table beside has all that are named.
const barsMax = 12

// barSection shows the largest values of a dimension.
func barSection(d *report.Dimension, id, title, lead, what string) section {
	s := section{ID: id, Title: title, Lead: lead}
	t := table{Caption: title, Head: append(texts(what), numbers("Tokens", "Share")...)}
	for _, v := range d.Values {
		t.Rows = append(t.Rows, []field{text(display(v.Value, 120)), number(v.Total), share(v.Total, d.Total)})
	}
	if o := d.Others; o != nil {
		name := counted(o.Values, "other", "others")
		if o.Untracked > 0 {
			name = fmt.Sprintf("others: %s, and more that were too many to tell apart (%s)", grouped.Thousands(o.Values), counted(o.Untracked, "token", "tokens"))
		}
		t.Rows = append(t.Rows, []field{text(name), number(o.Total), share(o.Total, d.Total)})
	}
	s.Tables = []table{t}
	if len(d.Values) > 0 {
		s.Plot = bars(id+"-plot", title, d)
	}
	return s
}

func share(n, of uint64) field {
	return field{Text: fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, of))), Number: true}
}

// bars draws one bar a value, its name above it.
func bars(id, title string, d *report.Dimension) *plot {
	const row = 34
	shown := d.Values[:min(len(d.Values), barsMax)]
	p := &plot{ID: id, Title: title, Height: row*len(shown) + 2}
	most := slices.MaxFunc(shown, func(a, b report.Value) int { return cmp.Compare(a.Total, b.Total) }).Total
	var desc []string
	for i, v := range shown {
		y := i * row
		name := display(v.Value, 60)
		p.Texts = append(p.Texts, label{"0", y + 13, "start", "name", fit(v.Value, 230)}, label{"100%", y + 13, "end", "soft", grouped.Thousands(v.Total)})
		width := max(0.4, 100*float64(v.Total)/float64(max(1, most)))
		p.Rects = append(p.Rects, rect{"0", percent(width), strconv.Itoa(y + 19), "10", "mark c0", name + ": " + grouped.Thousands(v.Total)})
		desc = append(desc, name+": "+grouped.Thousands(v.Total))
	}
	p.Desc = strings.Join(desc, "; ") + "."
	if hidden := len(d.Values) - len(shown); hidden > 0 {
		p.Desc += fmt.Sprintf(" %d more are in the table.", hidden)
	}
	return p
}
