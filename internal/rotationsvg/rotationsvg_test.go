package main

import (
	"bytes"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const docs = "../../docs/"

func TestPictureIsCurrent(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(docs + "key-rotation.svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(draw(run(defaults())), want) {
		t.Error("docs/key-rotation.svg is not what the code draws now: `make docs`, and look at it")
	}
}

// TestNothingFails is what the picture says in its last line.
func TestNothingFails(t *testing.T) {
	t.Parallel()
	line := run(defaults())
	for v := 1; v <= 3; v++ {
		signs, tokens, held := line.signs(v), line.tokens(v)[0], line.copies(v)[1]
		for _, b := range append(signs, tokens) {
			if v > 1 && b.from < held.from {
				t.Errorf("version %d: signs at %v, every copy has it at %v", v, b.from, held.from)
			}
			if b.to > held.to {
				t.Errorf("version %d: %v is to %v, copies have it to %v", v, b.kind, b.to, held.to)
			}
			if b.to > tokens.to {
				t.Errorf("version %d: signed at %v, tokens end at %v", v, b.to, tokens.to)
			}
		}
	}
}

// TestMarks: the events are in the order of their numbers, and each is its
// formula after another.
func TestMarks(t *testing.T) {
	t.Parallel()
	line := run(defaults())
	names := line.named()
	for v := 2; v <= 3; v++ {
		marks := line.marks(v)
		for i, m := range marks {
			if i > 0 && m.at <= marks[i-1].at {
				t.Errorf("version %d: %d at %v is not after %d at %v", v, i+1, m.at, i, marks[i-1].at)
			}
			if m.from == 0 {
				continue
			}
			want := marks[m.from-1].at
			for _, w := range m.waits {
				want += names[w]
			}
			if m.at != want {
				t.Errorf("version %d: %q at %v, by its formula %s at %v", v, m.what, m.at, m.formula(), want)
			}
		}
	}
	if got := line.made(3); got != line.RotationPeriod {
		t.Errorf("version 3 at %v, want %v", got, line.RotationPeriod)
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(docs + "key-rotation.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPageHasEvents: the table of the page has each event's number and time.
func TestPageHasEvents(t *testing.T) {
	t.Parallel()
	page := readPage(t)
	for i, m := range run(defaults()).marks(2) {
		if row := "\n| " + strconv.Itoa(i+1) + " | " + clock(m.at) + " | "; !strings.Contains(page, row) {
			t.Errorf("no row of the page begins with %q", row)
		}
	}
}

// A sum is terms and what they make: `a` + 2 × `b` − 12h = 1h5m20s.
var (
	sum  = regexp.MustCompile("(" + term + "(?: [+−] " + term + ")*) = ([0-9][0-9hms]*)")
	each = regexp.MustCompile("(−? ?)(?:([0-9]+) × )?(?:`([a-z_]+)`|([0-9][0-9hms]*))")
)

const term = "(?:(?:[0-9]+ × )?`[a-z_]+`|[0-9][0-9hms]*)"

// TestPagesSums: every sum in the page is right with the defaults.
func TestPagesSums(t *testing.T) {
	t.Parallel()
	sums := sum.FindAllStringSubmatch(readPage(t), -1)
	if len(sums) < 10 {
		t.Errorf("%d sums, fewer than there were", len(sums))
	}
	line := defaults()
	for _, m := range sums {
		want, err := time.ParseDuration(m[2])
		if err != nil {
			t.Errorf("%s: %v", m[0], err)
			continue
		}
		if got := evaluate(t, line.named(), m[1]); got != want {
			t.Errorf("%s: it is %v", m[0], got)
		}
	}
}

// evaluate is the value of a sum's terms.
func evaluate(t *testing.T, names map[string]time.Duration, terms string) time.Duration {
	t.Helper()
	var total time.Duration
	for _, m := range each.FindAllStringSubmatch(terms, -1) {
		d, ok := names[m[3]]
		if m[3] == "" {
			var err error
			d, err = time.ParseDuration(m[4])
			ok = err == nil
		}
		if !ok {
			t.Errorf("%s: what is %s?", terms, m[0])
		}
		if n, err := strconv.Atoi(m[2]); err == nil {
			d *= time.Duration(n)
		}
		if strings.HasPrefix(m[1], "−") {
			d = -d
		}
		total += d
	}
	return total
}
