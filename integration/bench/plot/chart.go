package plot

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// Chart is a picture.
type Chart struct {
	Title, Subtitle string
	// Desc is the picture in words, for who cannot see it.
	Desc           string
	XLabel, YLabel string
	Lines          []Line
}

// Line is one series; Colour is 0 or 1.
type Line struct {
	Name   string
	Colour int
	Dashed bool
	Points []Point
}

// Point has both coordinates above 0; Y is in milliseconds.
type Point struct {
	X, Y  float64
	Label string // short; empty for none
}

// The layout, in the units of the viewBox.
const (
	width, height = 860, 520
	left, right   = 74, width - 28
	top, bottom   = 112, height - 62
	small         = 12 // font size of all but the title
)

// drawing writes SVG, line by line.
type drawing struct {
	bytes.Buffer
	x, y scale
	// taken is where texts and marks are, crossed where lines are: no label stands
	// on the former, and none on the latter if there is another place.
	taken, crossed []box
}

// SVG is the picture. The same chart always gives the same bytes.
func (c *Chart) SVG() []byte {
	d := &drawing{}
	d.scales(c.Lines)
	d.head(c)
	d.legend(c.Lines)
	d.axes(c)
	for _, l := range c.Lines {
		d.line(l)
	}
	for _, l := range c.Lines { // when all marks are known
		d.labels(l)
	}
	d.printf("</svg>\n")
	return d.Bytes()
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(&d.Buffer, format, args...) }

// text writes at a place; anchor is start, middle or end.
func (d *drawing) text(x, y float64, anchor, class, text string) {
	d.printf("<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">%s</text>\n", x, y, anchor, class, html.EscapeString(text))
}

func (d *drawing) scales(lines []Line) {
	maxX, minY, maxY := 0.0, math.Inf(1), 0.0
	for _, l := range lines {
		for _, p := range l.Points {
			maxX, minY, maxY = max(maxX, p.X), min(minY, p.Y), max(maxY, p.Y)
		}
	}
	if maxX == 0 {
		maxX, minY, maxY = 1, 1, 1
	}
	d.x, d.y = linear(maxX, left, right), logarithmic(minY, maxY, bottom, top)
}

func (d *drawing) head(c *Chart) {
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="%d">
<title id="title">%s</title>
<desc id="desc">%s</desc>
<style>
.page{fill:#ffffff;stroke:#d0d7de} text{fill:#1f2328} .soft{fill:#57606a} .title{font-size:16px;font-weight:600}
.label{fill:#57606a;stroke:#ffffff;stroke-width:3;paint-order:stroke} .grid{stroke:#d8dee4;stroke-width:1} .axis{stroke:#57606a} path{fill:none;stroke-width:2} .dashed{stroke-dasharray:6 4}
path.c0{stroke:#0969da} circle.c0{fill:#0969da} path.c1{stroke:#bc4c00} circle.c1{fill:#bc4c00}
@media (prefers-color-scheme: dark) {
.page{fill:#0d1117;stroke:#30363d} text{fill:#e6edf3} .soft{fill:#9198a1} .label{fill:#9198a1;stroke:#0d1117} .grid{stroke:#262c36} .axis{stroke:#9198a1}
path.c0{stroke:#58a6ff} circle.c0{fill:#58a6ff} path.c1{stroke:#f0883e} circle.c1{fill:#f0883e}
}
</style>
<rect class="page" x="0.5" y="0.5" width="%d" height="%d" rx="8"/>
`, width, height, width, height, small, html.EscapeString(c.Title), html.EscapeString(c.Desc), width-1, height-1)
	d.text(16, 28, "start", "title", c.Title)
	d.text(16, 48, "start", "soft", c.Subtitle)
}

// legend has two rows, each line in the order of its column.
func (d *drawing) legend(lines []Line) {
	x := 16.0
	for i := 0; i < len(lines); i += 2 {
		widest := 0.0
		for j, l := range lines[i:min(i+2, len(lines))] {
			y := 68 + 18*float64(j)
			d.printf("<path class=\"c%d%s\" d=\"M%.1f %.1fh28\"/>\n", l.Colour, dashes(l), x, y)
			d.printf("<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n", l.Colour, x+14, y)
			d.text(x+36, y+4, "start", "", l.Name)
			widest = max(widest, textWidth(l.Name))
		}
		x += 36 + widest + 28
	}
}

func dashes(l Line) string {
	if l.Dashed {
		return " dashed"
	}
	return ""
}

// axes draws the grid and its numbers, which stand outside of it.
func (d *drawing) axes(c *Chart) {
	for _, t := range d.y.ticks {
		y := d.y.at(t)
		d.printf("<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", left, y, right)
		d.text(left-8, y+4, "end", "soft", milliseconds(t))
	}
	for _, t := range d.x.ticks {
		x := d.x.at(t)
		d.printf("<path class=\"grid\" d=\"M%.1f %dV%d\"/>\n", x, top, bottom)
		d.text(x, bottom+18, "middle", "soft", thousands(t))
	}
	d.printf("<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", left, top, bottom, right)
	d.text((left+right)/2, bottom+42, "middle", "", c.XLabel)
	d.printf("<text transform=\"translate(20 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", (top+bottom)/2, html.EscapeString(c.YLabel))
}

func (d *drawing) line(l Line) {
	if len(l.Points) == 0 {
		return
	}
	d.printf("<path class=\"c%d%s\" d=\"M", l.Colour, dashes(l))
	for i, p := range l.Points {
		if i > 0 {
			d.printf("L")
			d.cross(l.Points[i-1], p)
		}
		d.printf("%.1f %.1f", d.x.at(p.X), d.y.at(p.Y))
	}
	d.printf("\"/>\n")
	for _, p := range l.Points {
		x, y := d.x.at(p.X), d.y.at(p.Y)
		d.printf("<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>\n", l.Colour, x, y)
		d.taken = append(d.taken, box{x - 4, y - 4, x + 4, y + 4})
	}
}

// cross marks the way from one point to another.
func (d *drawing) cross(from, to Point) {
	x1, y1, x2, y2 := d.x.at(from.X), d.y.at(from.Y), d.x.at(to.X), d.y.at(to.Y)
	const step = 3
	n := math.Hypot(x2-x1, y2-y1) / step
	for i := range int(n) {
		x, y := x1+(x2-x1)*float64(i)/n, y1+(y2-y1)*float64(i)/n
		d.crossed = append(d.crossed, box{x - step, y - step, x + step, y + step})
	}
}
