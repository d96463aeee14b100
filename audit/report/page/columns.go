package page

import (
	"fmt"
	"time"

	"signet/audit/report"
)

// columns are the periods as they are drawn: where there are too many, several
// together.
type columns struct {
	unit   report.Unit
	each   int // periods in a column
	length time.Duration
	starts []time.Time
}

// columnsMax is how many columns a narrow screen can still show.
const columnsMax = 96

var lengths = map[report.Unit]time.Duration{report.Hour: time.Hour, report.Day: 24 * time.Hour, report.Week: 7 * 24 * time.Hour}

func columnsOf(r *report.Report) columns {
	c := columns{unit: r.Period, each: 1, length: lengths[r.Period]}
	if r.From.IsZero() || r.To.IsZero() || r.To.Before(r.From) {
		return c
	}
	from := r.Period.Floor(r.From)
	n := int64(r.To.Sub(from)/c.length) + 1
	if from.Add(time.Duration(n-1)*c.length).Equal(r.To) && n > 1 {
		n-- // To is the first moment that is not asked for
	}
	c.each = int((n + columnsMax - 1) / columnsMax)
	c.length *= time.Duration(c.each)
	for t := from; len(c.starts) < int((n+int64(c.each)-1)/int64(c.each)); t = t.Add(c.length) {
		c.starts = append(c.starts, t)
	}
	return c
}

// sums adds the counts of each column.
func (c *columns) sums(counts []report.Count) []uint64 {
	out := make([]uint64, len(c.starts))
	for _, n := range counts {
		if len(out) == 0 {
			break
		}
		i := int(n.Start.Sub(c.starts[0]) / c.length)
		out[min(max(i, 0), len(out)-1)] += n.Count
	}
	return out
}

func (c *columns) width() float64 { return (100 - gutter) / float64(len(c.starts)) }

func (c *columns) x(i int) float64 { return gutter + float64(i)*c.width() }

// bar is a column's place, with a little air between neighbours.
func (c *columns) bar(i int) (x, w string) {
	air := min(c.width()*0.15, 0.4)
	return percent(c.x(i) + air/2), percent(c.width() - air)
}

// label is a column's start, short.
func (c *columns) label(i int) string {
	if c.unit == report.Hour {
		return c.starts[i].Format("Jan 2 15:04")
	}
	return c.starts[i].Format("Jan 2, 2006")
}

// name is a column's start as a table has it.
func (c *columns) name(i int) string {
	if c.unit == report.Hour {
		return c.starts[i].Format("2006-01-02 15:04")
	}
	return c.starts[i].Format("2006-01-02")
}

// per says what a column is.
func (c *columns) per() string {
	if c.each == 1 {
		return string(c.unit)
	}
	return fmt.Sprintf("%d %ss", c.each, c.unit)
}
