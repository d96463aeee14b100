package records_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestLinesOfAnyLength: whatever the lines' lengths, none is lost and each is at
// its place. A record has at most a megabyte.
func TestLinesOfAnyLength(t *testing.T) {
	t.Parallel()
	c := newChain("r").start(0).tokens(4)
	for name, odd := range map[string][]string{
		"empty ones":     make([]string, 10_000),
		"of one byte":    slices.Repeat([]string{"x"}, 900),
		"of 300 KB":      {strings.Repeat("x", 300<<10), strings.Repeat("x", 300<<10)},
		"almost 1 MB":    {strings.Repeat("x", 1<<20-1)},
		"1 MB":           {strings.Repeat("x", 1<<20)},
		"more than 1 MB": {strings.Repeat("x", 1<<20+1), "x", strings.Repeat("x", 3<<20)},
		"of all lengths": {strings.Repeat("x", 2<<20), "", "x", strings.Repeat("x", 256<<10), strings.Repeat("x", 256<<10-1), "", "x"},
	} {
		var want []string
		lines := slices.Concat(c.lines[:3], odd, c.lines[3:5], odd, c.lines[5:])
		for i, line := range lines {
			if strings.HasPrefix(line, "x") {
				want = append(want, fmt.Sprintf("a:%d", i+1))
			}
		}
		for _, end := range []string{"\n", "", "\n\n\n"} {
			got := readTexts(t, strings.Join(lines, "\n")+end)
			var places []string
			for _, p := range got.problems {
				places = append(places, strings.Fields(p)[1])
			}
			if !slices.Equal(places, want) || len(got.seqs) != len(c.lines) {
				t.Errorf("%s: %d records, %d problems instead of %d: %.200v", name, len(got.seqs), len(places), len(want), places)
			}
		}
	}
}

// TestManyShortLines are more than a chunk holds parsed.
func TestManyShortLines(t *testing.T) {
	t.Parallel()
	c := newChain("r").start(0).tokens(1)
	lines := slices.Concat(c.lines[:2], slices.Repeat([]string{"x"}, 9_999), c.lines[2:])
	got := readTexts(t, text(lines...))
	if len(got.seqs) != 3 || got.summary.BadLines != 9_999 || len(got.problems) != 1001 {
		t.Errorf("%d records, %d bad lines, %d problems", len(got.seqs), got.summary.BadLines, len(got.problems))
	}
}
