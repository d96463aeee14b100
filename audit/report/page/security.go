package page

import (
	"fmt"
	"slices"
	"strings"

	"signet/audit/report"
	"signet/internal/grouped"
)

// strip is a row of the plot of what went wrong.
type strip struct {
	name, class string
	sums        []uint64
}

// strips are what an auditor looks for, each with its own scale: a thousand
// refusals must not hide one reuse.
func strips(r *report.Report, c columns) []strip {
	every := func(string) bool { return true }
	sum := func(dimension string, of func(value string) bool) []uint64 {
		d := r.Dimension(dimension)
		out := make([]uint64, len(c.starts))
		add := func(counts []report.Count) {
			for i, n := range c.sums(counts) {
				out[i] += n
			}
		}
		for _, v := range d.Values {
			if of(v.Value) {
				add(v.Periods)
			}
		}
		if d.Others != nil {
			add(d.Others.Periods)
		}
		return out
	}
	return []strip{
		{"Refusals", "c1", sum(report.RefusedByCode, every)},
		{"Authentication failures", "c3", sum(report.AuthenticationFailedByCode, every)},
		{"Reuse and other refresh security events", "bad", sum(report.Refresh, report.Security)},
		{"Revocations", "c5", sum(report.Revoked, every)},
	}
}

func securitySection(r *report.Report, c columns) section {
	s := section{
		ID: "security", Title: "Refusals and security events",
		Lead: fmt.Sprintf("Each row has its own scale; a column for every %s.", c.per()),
	}
	if len(c.starts) == 0 {
		return s
	}
	all := strips(r, c)
	s.Plot = stripPlot(all, c)
	t := table{Caption: "Refusals and security events, a row for every " + c.per(), Head: append(texts("From (UTC)"), numbers("Refused", "Not authenticated", "Security", "Revoked")...)}
	for i := range c.starts {
		row := []field{{Text: c.name(i), Class: "whole"}}
		for _, one := range all {
			row = append(row, number(one.sums[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	s.Tables = []table{t}
	return s
}

func stripPlot(all []strip, c columns) *plot {
	const height, bar = 66, 34
	p := &plot{ID: "security-plot", Title: "Refusals and security events over time", Height: height*len(all) + 24}
	var desc []string
	for i, s := range all {
		top := i * height
		bottom := top + 22 + bar
		most := max(1, slices.Max(s.sums))
		var total uint64
		for j, n := range s.sums {
			if total += n; n == 0 {
				continue
			}
			x, w := c.bar(j)
			size := max(2, float64(n)/float64(most)*bar)
			p.Rects = append(p.Rects, rect{x, w, pixels(float64(bottom) - size), pixels(size), "mark " + s.class, c.name(j) + ": " + grouped.Thousands(n)})
		}
		p.Lines = append(p.Lines, line{percent(gutter), "100%", bottom, bottom, "axis"})
		p.Texts = append(p.Texts, label{"0", top + 13, "start", "name", s.name}, label{"100%", top + 13, "end", "soft", grouped.Thousands(total)})
		if total > 0 {
			p.Texts = append(p.Texts, label{percent(gutter - 1), bottom - bar + 8, "end", "soft", short(round(most))})
		}
		desc = append(desc, s.name+": "+grouped.Thousands(total)+when(s.sums, c))
	}
	p.dates(c, p.Height-6)
	p.Desc = strings.Join(desc, "; ") + "."
	return p
}

// round keeps a number short on an axis.
func round(n uint64) uint64 {
	unit := uint64(1)
	for n/unit >= 100 {
		unit *= 10
	}
	return n / unit * unit
}

// countTables are the totals of dimensions that need no plot.
func countTables(r *report.Report) []table {
	var out []table
	for _, d := range []struct{ name, caption, what string }{
		{report.RefusedByCode, "Refusals by code", "Code"},
		{report.RefusedByClient, "Refusals by client", "Client"},
		{report.AuthenticationFailedByCode, "Authentication failures by code", "Code"},
		{report.AuthenticationFailedByClient, "Authentication failures by the client claimed", "Client as claimed"},
		{report.Refresh, "Refreshes that were not plain", "Kind"},
		{report.Revoked, "Revocations", "What was ended"},
		{report.SessionsEnded, "Sessions ended by revocations", "What was ended"},
		{report.Withheld, "Signed and not handed out", "Reason"},
		{report.LostRecords, "Records lost", "Replica"},
		{report.ClientsFile, "The clients file was read", "Result"},
		{report.RingsSeen, "Changes of rings as replicas saw them", "Change"},
	} {
		counts := r.Dimension(d.name)
		if counts.Total == 0 {
			continue
		}
		t := table{Caption: d.caption, Head: append(texts(d.what), numbers("Count")...)}
		for _, v := range counts.Values {
			t.Rows = append(t.Rows, []field{text(display(v.Value, 120)), number(v.Total)})
		}
		if o := counts.Others; o != nil {
			t.Rows = append(t.Rows, []field{text("others"), number(o.Total)})
		}
		out = append(out, t)
	}
	return out
}

func eventTable(e *report.Events) table {
	t := table{Caption: "Security events and revocations, one by one", Head: texts("Time (UTC)", "Event", "Client", "Subject", "Session or token", "Reason", "Record")}
	for _, one := range e.Listed {
		what := one.SID
		if what == "" {
			what = one.JTI
		}
		who := one.Subject
		if who == "" {
			who = one.Owner
		}
		t.Rows = append(t.Rows, []field{
			at(one.Time), text(display(one.Kind, 60)), text(display(one.ClientID, 60)), text(display(who, 60)),
			text(display(what, 60)), text(display(one.Reason, 80)), text(fmt.Sprintf("%s, seq %d", display(one.Replica, 40), one.Seq)),
		})
	}
	if e.LeftOut > 0 {
		t.Note = fmt.Sprintf("%s earlier ones are counted and not listed.", grouped.Thousands(e.LeftOut))
	}
	return t
}
