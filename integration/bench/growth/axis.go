package growth

import "fmt"

// Most is the target of every cost's exponent: nothing grows worse than linear. The
// tenth beyond 1 is for what a machine does besides.
const Most = 1.1

// MostFlat is that of what one request costs where it has nothing to do with what
// grows: if each did more, all of them together would do it with the square. It is
// above 0 for noise, and for a logarithm.
const MostFlat = 0.3

// Axis is what was measured while one thing grew.
type Axis struct {
	// Name is what grew.
	Name  string  `json:"axis"`
	Sizes []int   `json:"sizes"`
	Lines []*Line `json:"lines"`
	// Note says under which conditions; empty for nothing to say.
	Note string `json:"note,omitempty"`
}

// Line is one figure at each size.
type Line struct {
	// Name with the unit.
	Name   string    `json:"name"`
	Values []float64 `json:"values"`
	// K is the exponent of a cost; nil for what is none, and where it cannot be told.
	K *float64 `json:"k,omitempty"`
	// Judged is false where the figures are too few or too short to tell.
	Judged bool `json:"judged,omitempty"`
	Missed bool `json:"missed,omitempty"`

	most       float64 // that K may be; 0 for what is no cost
	resolution float64
}

// Point adds the figures of one size.
type Point struct{ axis *Axis }

// At begins the next size.
func (a *Axis) At(size int) Point {
	a.Sizes = append(a.Sizes, size)
	return Point{a}
}

// Value adds a figure that is no cost.
func (p Point) Value(name string, value float64) { p.line(name, value) }

// Cost adds a figure whose exponent counts. What is below the resolution of its
// measurement counts as that: the growth of noise is none.
func (p Point) Cost(name string, resolution, value float64) {
	l := p.line(name, value)
	l.most, l.resolution = Most, resolution
}

// Flat adds what one request costs, which is to stay as it is.
func (p Point) Flat(name string, resolution, value float64) {
	l := p.line(name, value)
	l.most, l.resolution = MostFlat, resolution
}

func (p Point) line(name string, value float64) *Line {
	for _, l := range p.axis.Lines {
		if l.Name == name {
			l.Values = append(l.Values, value)
			return l
		}
	}
	l := &Line{Name: name, Values: []float64{value}}
	p.axis.Lines = append(p.axis.Lines, l)
	return l
}

// Judge finds the exponents, and holds them against the target if they can tell.
func (a *Axis) Judge(judged bool) {
	for _, l := range a.Lines {
		if l.most == 0 {
			continue
		}
		raised := make([]float64, 0, len(l.Values))
		for _, v := range l.Values {
			raised = append(raised, max(v, l.resolution))
		}
		if k, ok := Exponent(a.Sizes, raised); ok {
			l.K, l.Judged, l.Missed = &k, judged, judged && k > l.most
		}
	}
}

// Missed names each cost that grows faster than it may.
func (a *Axis) Missed() []string {
	var all []string
	for _, l := range a.Lines {
		if l.Missed {
			all = append(all, fmt.Sprintf("%s grows with %s^%.2f, want at most ^%g", l.Name, a.Name, *l.K, l.most))
		}
	}
	return all
}
