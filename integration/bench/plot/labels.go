package plot

import "slices"

// How far a text reaches above and below the line that it stands on.
const (
	ascent  = 0.8 * small
	descent = 0.2 * small
)

// box is where something is drawn.
type box struct{ x1, y1, x2, y2 float64 }

func (b box) overlaps(o box) bool { return b.x1 < o.x2 && o.x1 < b.x2 && b.y1 < o.y2 && o.y1 < b.y2 }

// textWidth is a text's width at most, for no letter or digit of the common fonts
// is wider on average.
func textWidth(s string) float64 { return 0.62 * small * float64(len([]rune(s))) }

// places are where a label may stand, relative to its point: the middle of its
// foot. The best come first.
func places(wide float64) [][2]float64 {
	side := 9 + wide/2
	return [][2]float64{
		{0, -9},
		{0, 9 + ascent},
		{side, 4},
		{-side, 4},
		{side, -9},
		{-side, -9},
		{side, 9 + ascent},
		{-side, 9 + ascent},
		{0, -24},
		{0, 24 + ascent},
	}
}

// labels writes each point's label where nothing else is.
func (d *drawing) labels(l Line) {
	for _, p := range l.Points {
		if p.Label == "" {
			continue
		}
		b, ok := d.place(p, slices.Concat(d.taken, d.crossed))
		if !ok {
			b, ok = d.place(p, d.taken)
		}
		if ok {
			d.taken = append(d.taken, b)
			d.text((b.x1+b.x2)/2, b.y2-descent, "middle", "label", p.Label)
		}
	}
}

// place finds the best place beside a point where no obstacle is.
func (d *drawing) place(p Point, obstacles []box) (box, bool) {
	wide := textWidth(p.Label)
	for _, at := range places(wide) {
		x, y := d.x.at(p.X)+at[0], d.y.at(p.Y)+at[1]
		b := box{x - wide/2, y - ascent, x + wide/2, y + descent}
		outside := b.x1 < left || b.x2 > right || b.y1 < top || b.y2 > bottom
		if !outside && !slices.ContainsFunc(obstacles, b.overlaps) {
			return b, true
		}
	}
	return box{}, false
}
