package page

import "strconv"

// plot is a picture. What lies across is in percent of its width, so that it
// fits every screen; what lies along is in pixels, and so is the type.
type plot struct {
	ID, Title, Desc string
	Height          int
	Lines           []line
	Rects           []rect
	Texts           []label
}

type line struct {
	X1, X2 string
	Y1, Y2 int
	Class  string
}

type rect struct {
	X, W  string
	Y, H  string
	Class string
	Tip   string
}

type label struct {
	X      string
	Y      int
	Anchor string // start, middle, end
	Class  string
	Text   string
}

// The room for the numbers of the upward axis.
const gutter = 12.0

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) + "%" }

func pixels(y float64) string { return strconv.FormatFloat(y, 'f', 2, 64) }

// nice is the next number that is short to write.
func nice(n uint64) uint64 {
	power := uint64(1)
	for n > 100*power && power < 1e18 {
		power *= 10
	}
	for _, f := range []uint64{1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100} {
		if f*power >= n {
			return f * power
		}
	}
	return n
}

// axis draws lines at nought and at the top.
func (p *plot) axis(top, bottom int, highest uint64) {
	p.Lines = append(p.Lines, line{percent(gutter), "100%", top, top, "grid"}, line{percent(gutter), "100%", bottom, bottom, "axis"})
	x := percent(gutter - 1)
	p.Texts = append(p.Texts,
		label{x, top + 4, "end", "soft", short(highest)}, label{x, bottom + 4, "end", "soft", "0"})
}

// dates writes the first, the middle and the last period.
func (p *plot) dates(c columns, y int) {
	last := len(c.starts) - 1
	p.Texts = append(p.Texts, label{percent(gutter), y, "start", "soft", c.label(0)})
	if last >= 6 {
		p.Texts = append(p.Texts, label{percent(c.x(last/2) + c.width()/2), y, "middle", "soft", c.label(last / 2)})
	}
	if last > 0 {
		p.Texts = append(p.Texts, label{"100%", y, "end", "soft", c.label(last)})
	}
}
