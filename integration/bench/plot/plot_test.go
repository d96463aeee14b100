package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// texts parses a picture, which must be well-formed, and returns where its level
// texts stand.
func texts(t interface{ Fatalf(string, ...any) }, svg []byte) (boxes map[string]box, all string) {
	boxes = map[string]box{}
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return boxes, all
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "text" {
			continue
		}
		var text string
		if err := decoder.DecodeElement(&text, &start); err != nil {
			t.Fatalf("%v", err)
		}
		all += text + "\n"
		attr := map[string]string{}
		for _, a := range start.Attr {
			attr[a.Name.Local] = a.Value
		}
		if attr["transform"] != "" {
			continue // the upward axis, left of everything
		}
		x, errX := strconv.ParseFloat(attr["x"], 64)
		y, errY := strconv.ParseFloat(attr["y"], 64)
		if errX != nil || errY != nil || math.IsNaN(x+y) {
			t.Fatalf("a text at %v", attr)
		}
		wide := textWidth(text)
		x -= map[string]float64{"start": 0, "middle": wide / 2, "end": wide}[attr["text-anchor"]]
		const rounded = 0.1 // places are written with one digit
		boxes[fmt.Sprintf("%d %s", len(boxes), text)] = box{x + rounded, y - ascent + rounded, x + wide - rounded, y + descent - rounded}
	}
}

func chart(lines ...Line) Chart {
	return Chart{Title: "Latency", Subtitle: "of <this> & that", Desc: "words", XLabel: "a second", YLabel: "latency", Lines: lines}
}

// TestNoTextsOverlap: whatever is measured, no text stands on another one, and
// none of the numbers at the axes is missing.
func TestNoTextsOverlap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lines []Line
		for i := range rapid.IntRange(0, 4).Draw(t, "lines") {
			l := Line{Name: []string{"Signet, p50", "Signet, p99", "Vault, p50", "Vault, p99"}[i], Colour: i / 2, Dashed: i%2 == 1}
			for range rapid.IntRange(0, 6).Draw(t, "points") {
				l.Points = append(l.Points, Point{
					X: rapid.Float64Range(1, 50_000).Draw(t, "x"), Y: rapid.Float64Range(0.01, 5_000).Draw(t, "y"),
					Label: strconv.Itoa(rapid.IntRange(1, 2000).Draw(t, "label")),
				})
			}
			lines = append(lines, l)
		}
		c := chart(lines...)
		boxes, _ := texts(t, c.SVG())
		for a, one := range boxes {
			for b, other := range boxes {
				if a != b && one.overlaps(other) {
					t.Fatalf("%q %v and %q %v", a, one, b, other)
				}
			}
			if one.x1 < 0 || one.x2 > width || one.y1 < 0 || one.y2 > height {
				t.Fatalf("%q is outside: %v", a, one)
			}
		}
	})
}

func TestLabelsAndNames(t *testing.T) {
	t.Parallel()
	c := chart(
		Line{Name: "Signet, p50", Points: []Point{{400, 0.9, "1"}, {9000, 13, "128"}, {9000.5, 13.01, "129"}}},
		Line{Name: "Vault, p99", Colour: 1, Dashed: true, Points: []Point{{300, 2, "1"}, {4500, 120, "128"}}},
	)
	svg := c.SVG()
	_, all := texts(t, svg)
	for _, want := range []string{"Latency", "of <this> & that", "a second", "latency", "Signet, p50", "Vault, p99", "128", "129", "2,000", "500 µs", "1 ms", "200 ms", "0"} {
		if !slices.Contains(strings.Split(all, "\n"), want) {
			t.Errorf("no text %q in\n%s", want, all)
		}
	}
	if !bytes.Equal(svg, c.SVG()) {
		t.Error("the same chart is drawn in two ways")
	}
	for _, want := range []string{"prefers-color-scheme: dark", `class="c1 dashed"`} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
}

// TestOnePointOnATick: a single value that is a number of the axis still has an
// axis with two ends.
func TestOnePointOnATick(t *testing.T) {
	t.Parallel()
	for _, at := range []float64{0.01, 0.2, 1, 10, 1000, 5000} {
		c := chart(Line{Name: "Vault, p50", Points: []Point{{1, at, "1"}}})
		texts(t, c.SVG()) // fails for a place that is no number
		if s := logarithmic(at, at, bottom, top); len(s.ticks) < 2 || s.ticks[0] > at {
			t.Errorf("%v ms: ticks %v", at, s.ticks)
		}
	}
}

// TestScales: what is drawn is within the axes, in its order.
func TestScales(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(0.001, 1000).Draw(t, "low")
		high := low * rapid.Float64Range(1, 10_000).Draw(t, "times")
		for name, s := range map[string]scale{"linear": linear(high, 0, 100), "logarithmic": logarithmic(low, high, 0, 100)} {
			if len(s.ticks) < 2 || len(s.ticks) > 30 || !slices.IsSorted(s.ticks) {
				t.Fatalf("%s: ticks %v", name, s.ticks)
			}
			first, last := s.at(s.ticks[0]), s.at(s.ticks[len(s.ticks)-1])
			if a, b := s.at(low), s.at(high); first != 0 || last < 100-1e-9 || a < -1e-9 || b < a || b > 100+1e-9 {
				t.Fatalf("%s: %v is at %v, %v at %v of 0 to 100; ticks %v", name, low, a, high, b, s.ticks)
			}
		}
	})
}
