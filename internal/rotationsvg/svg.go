package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// The layout, in the units of the viewBox.
const (
	width   = 900
	gutter  = 148 // where the rows begin
	lead    = 46  // before the first rollover
	column  = 74  // between two events of the first rollover
	pause   = 66  // the break between the two
	narrow  = 23  // between two events of the second
	right   = width - 16
	axis    = 104 // the line of the events' numbers
	rows    = 130 // where the first version begins
	version = 100 // from one version to the next
	foot    = rows + 3*version + 24
)

// picture writes SVG, line by line.
type picture struct {
	bytes.Buffer
	line    *timeline
	anchors []anchor
}

// anchor is a time that has a place. Between two anchors the scale is linear.
type anchor struct {
	at time.Duration
	x  int
}

// draw is the picture. The same timeline always gives the same bytes.
func draw(l *timeline) []byte {
	p := &picture{line: l}
	p.place()
	p.head()
	p.events()
	for v := 1; v <= 3; v++ {
		p.version(v)
	}
	p.gap()
	p.legend()
	p.table()
	p.printf("</svg>\n")
	return p.Bytes()
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(&p.Buffer, format, args...) }

// place gives each event its place, and the replicas' earliest and latest clock
// theirs beside the activation.
func (p *picture) place() {
	skew := p.line.ClockSkew
	p.anchors = []anchor{{-p.line.RotationPeriod, gutter}}
	x := gutter + lead
	for v, step := 2, column; v <= 3; v, step = v+1, narrow {
		for i, m := range p.line.marks(v) {
			if i > 0 {
				x += step
			}
			if m.at == p.line.activated(v) {
				p.anchors = append(p.anchors, anchor{m.at - skew, x - step/7}, anchor{m.at, x}, anchor{m.at + skew, x + step/7})
				continue
			}
			p.anchors = append(p.anchors, anchor{m.at, x})
		}
		x += pause
	}
}

func (p *picture) x(at time.Duration) int {
	if at <= p.anchors[0].at {
		return p.anchors[0].x
	}
	for i, b := range p.anchors[1:] {
		if a := p.anchors[i]; at <= b.at {
			return a.x + int(float64(at-a.at)/float64(b.at-a.at)*float64(b.x-a.x)+0.5)
		}
	}
	return right
}

func (p *picture) head() {
	height := foot + 230
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title desc" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="12" fill="#1f2328">
<title id="title">Timeline of a graceful rollover</title>
<desc id="desc">%s</desc>
<style>
.published{fill:#9ecbff} .active{fill:#7ddb93} .retiring{fill:#ffd27a} .retired{fill:#e4e7eb;stroke:#a0a8b0;stroke-dasharray:3 2}
.signs{fill:#2f8f46} .tokens{fill:#8250df} .copies{fill:#0969da} .partly{opacity:.35}
.small{font-size:11px} .soft{fill:#57606a} .bold{font-weight:600}
</style>
<rect x="0.5" y="0.5" width="%d" height="%d" rx="8" fill="#ffffff" stroke="#d0d7de"/>
`, width, height, width, height, p.describe(), width-1, height-1)
	p.text(16, 28, `class="bold" font-size="16"`, "A graceful rollover, with the default configuration")
	p.text(16, 48, `class="soft"`, "From the rotation that makes version 2 to the retirement of version 2. The events are in their order, not to scale:")
	p.text(16, 64, `class="soft"`, fmt.Sprintf("a column lasts from %v (3 to 4) to about %d days (7 to 1).",
		p.line.fenced(1)-p.line.activated(2), (p.line.made(3)-p.line.retired(1)).Round(24*time.Hour)/(24*time.Hour)))
}

// describe is the picture in words.
func (p *picture) describe() string {
	var b strings.Builder
	b.WriteString("Relative to the rotation that makes version 2: ")
	for _, m := range p.line.marks(2) {
		fmt.Fprintf(&b, "%s %s %s; ", clock(m.at), m.who, m.what)
	}
	fmt.Fprintf(&b, "the next rotation is at %s. Every verifier's copy of the JWK set holds a version before any replica signs with it, "+
		"and for as long as a token of it is valid.", clock(p.line.made(3)))
	return b.String()
}

func (p *picture) text(x, y int, attributes, text string) {
	p.printf("<text x=\"%d\" y=\"%d\" %s>%s</text>\n", x, y, attributes, text)
}

// events draws the numbers, the times, and a line down through all rows.
func (p *picture) events() {
	for v := 2; v <= 3; v++ {
		for i, m := range p.line.marks(v) {
			x := p.x(m.at)
			p.printf("<path d=\"M%d %dV%d\" stroke=\"#d0d7de\"/>\n", x, axis+9, foot-14)
			p.number(x, axis, i+1)
			if v == 2 || i == 0 { // those of the second have no room for more
				p.text(x, axis-14, `class="small" text-anchor="middle"`, clock(m.at))
			}
		}
	}
}

func (p *picture) number(x, y, n int) {
	p.printf("<circle cx=\"%d\" cy=\"%d\" r=\"9\" fill=\"#1f2328\"/>", x, y)
	p.text(x, y+4, `class="small bold" text-anchor="middle" fill="#ffffff"`, fmt.Sprint(n))
}

// version draws the four rows of version v.
func (p *picture) version(v int) {
	y := rows + (v-1)*version
	p.text(16, y+17, `class="bold" font-size="14"`, fmt.Sprintf("v%d", v))
	p.row(y, 26, "state", p.line.states(v), func(b bar) (string, string) { return b.kind, b.kind })
	for i, r := range []struct {
		label, class string
		bars         []bar
	}{
		{"replicas sign with it", "signs", p.line.signs(v)},
		{"tokens of it are valid", "tokens", p.line.tokens(v)},
		{"verifiers' copies hold it", "copies", p.line.copies(v)},
	} {
		p.row(y+34+i*18, 10, r.label, r.bars, func(b bar) (string, string) {
			if b.kind == partly {
				return r.class + " partly", ""
			}
			return r.class, ""
		})
	}
}

// row draws bars, each with its class and its text where that has room.
func (p *picture) row(y, height int, label string, bars []bar, style func(bar) (class, text string)) {
	p.text(gutter-8, y+height/2+4, `class="small soft" text-anchor="end"`, label)
	for _, b := range bars {
		x, to := p.x(b.from), p.x(b.to)
		if x == to {
			continue
		}
		class, text := style(b)
		p.printf("<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", class, x, y, to-x, height)
		if to-x >= 8*len(text) && text != "" {
			if gap := p.gapAt(); x < gap && to > gap {
				to = gap // the text stands before the break
			}
			p.text((x+to)/2, y+height/2+4, `text-anchor="middle"`, text)
		}
	}
}

// gapAt is in the middle of the two rollovers.
func (p *picture) gapAt() int {
	before := p.line.marks(2)
	return (p.x(before[len(before)-1].at) + p.x(p.line.made(3))) / 2
}

// gap draws the break of the axis between the two rollovers.
func (p *picture) gap() {
	x := p.gapAt()
	top, bottom := rows-8, foot-20
	p.printf("<path d=\"M%d %dL%d %dH%dL%d %dZ\" fill=\"#ffffff\"/>\n", x-4, bottom, x+2, top, x+8, x+2, bottom)
	p.printf("<path d=\"M%d %dL%d %dM%d %dL%d %d\" stroke=\"#57606a\"/>\n", x-4, bottom, x+2, top, x+2, bottom, x+8, top)
}
