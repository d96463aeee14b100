package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"signet/audit/report"
)

// colours is how many the style sheet has. Neighbouring versions never share one.
const colours = 5

// signed is what one key version signed.
type signed struct {
	version int
	total   uint64
	columns []uint64
}

func (s *signed) class() string { return "c" + strconv.Itoa(s.version%colours) }

// ringSections are the tokens over time by key version, a plot for each ring.
func ringSections(r *report.Report, c columns) []section {
	rings := map[string][]signed{}
	versions := r.Dimension(report.TokensByKeyVersion)
	var names []string
	for _, v := range versions.Values {
		i := strings.LastIndex(v.Value, " v")
		if i < 0 {
			continue
		}
		number, err := strconv.Atoi(v.Value[i+2:])
		if err != nil {
			continue // a name that was too long to keep
		}
		name := v.Value[:i]
		if rings[name] == nil {
			names = append(names, name)
		}
		rings[name] = append(rings[name], signed{number, v.Total, c.sums(v.Periods)})
	}
	slices.Sort(names)
	var out []section
	for i, name := range names {
		all := rings[name]
		slices.SortFunc(all, func(a, b signed) int { return a.version - b.version })
		out = append(out, ringSection(i, name, all, c))
	}
	if versions.Others != nil && len(out) > 0 {
		out[0].Lead += fmt.Sprintf(" Not drawn: %s of other key versions.", counted(versions.Others.Total, "token", "tokens"))
	}
	return out
}

func ringSection(i int, ring string, all []signed, c columns) section {
	name := display(ring, 60)
	s := section{
		ID: fmt.Sprintf("ring-%d", i), Title: "Tokens by key version: " + name,
		Lead: fmt.Sprintf("Issued tokens, a column for every %s and a colour for every key version. A rotation is one colour handing over to the next.", c.per()),
	}
	for _, v := range all[max(0, len(all)-12):] {
		s.Legend = append(s.Legend, legendEntry{v.class(), "v" + strconv.Itoa(v.version)})
	}
	if hidden := len(all) - len(s.Legend); hidden > 0 {
		s.Legend = append(s.Legend, legendEntry{"", fmt.Sprintf("and %d older", hidden)})
	}
	s.Plot = stack(s.ID+"-plot", "Tokens of "+name+" over time by key version", all, c)
	s.Tables = []table{versionTable("Tokens of "+name, all, c)}
	return s
}

// stack draws the columns of the versions, the older ones below.
func stack(id, title string, all []signed, c columns) *plot {
	const top, bottom = 14, 214
	p := &plot{ID: id, Title: title, Height: bottom + 24}
	var desc []string
	sums := make([]uint64, len(c.starts))
	for _, v := range all {
		desc = append(desc, fmt.Sprintf("version %d: %s%s", v.version, counted(v.total, "token", "tokens"), when(v.columns, c)))
		for i, n := range v.columns {
			sums[i] += n
		}
	}
	p.Desc = strings.Join(desc, "; ") + "."
	highest := nice(max(1, slices.Max(sums)))
	below := make([]float64, len(c.starts))
	for _, v := range all {
		for i, n := range v.columns {
			if n == 0 {
				continue
			}
			height := float64(n) / float64(highest) * (bottom - top)
			below[i] += height
			x, w := c.bar(i)
			p.Rects = append(p.Rects, rect{
				x, w, pixels(bottom - below[i]), pixels(height), "mark " + v.class(),
				fmt.Sprintf("%s, v%d: %s", c.name(i), v.version, counted(n, "token", "tokens")),
			})
		}
	}
	p.axis(top, bottom, highest)
	p.dates(c, bottom+18)
	return p
}

// when says from which column to which there was anything.
func when(sums []uint64, c columns) string {
	nonzero := func(n uint64) bool { return n > 0 }
	first := slices.IndexFunc(sums, nonzero)
	if first < 0 {
		return ""
	}
	last := first
	for i, n := range sums {
		if n > 0 {
			last = i
		}
	}
	return ", from " + c.name(first) + " to " + c.name(last)
}

// versionTable has a row a column of the plot, and a column a version: as many
// as fit, the latest, and the older ones together.
func versionTable(caption string, all []signed, c columns) table {
	const wide = 5
	t := table{Caption: caption + ", a row for every " + c.per(), Head: texts("From (UTC)")}
	older := all[:max(0, len(all)-wide)]
	if len(older) > 0 {
		t.Head = append(t.Head, numbers("older")...)
	}
	shown := all[len(older):]
	for _, v := range shown {
		t.Head = append(t.Head, numbers("v"+strconv.Itoa(v.version))...)
	}
	t.Head = append(t.Head, numbers("all")...)
	for i := range c.starts {
		row := []field{{Text: c.name(i), Class: "whole"}}
		var sum, old uint64
		for _, v := range older {
			old += v.columns[i]
		}
		if sum = old; len(older) > 0 {
			row = append(row, number(old))
		}
		for _, v := range shown {
			row, sum = append(row, number(v.columns[i])), sum+v.columns[i]
		}
		t.Rows = append(t.Rows, append(row, number(sum)))
	}
	return t
}
