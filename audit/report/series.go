package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// series are the counts of one value by period, ascending; a period without
// any has no cell.
type series struct {
	total uint64
	cells []cell
}

type cell struct {
	period int64
	count  uint64
}

// has reports whether adding to a period needs no cell of its own.
func (s *series) has(period int64) bool {
	_, found := s.find(period)
	return found
}

func (s *series) find(period int64) (int, bool) {
	return slices.BinarySearchFunc(s.cells, period, func(c cell, p int64) int {
		switch {
		case c.period < p:
			return -1
		case c.period > p:
			return 1
		}
		return 0
	})
}

func (s *series) add(period int64, n uint64) {
	s.total += n
	i, found := s.find(period)
	if !found {
		s.cells = slices.Insert(s.cells, i, cell{period: period})
	}
	s.cells[i].count += n
}

// fold joins the cells whose periods become the same.
func (s *series) fold(to func(int64) int64) {
	out := s.cells[:0]
	for _, c := range s.cells {
		c.period = to(c.period)
		if last := len(out) - 1; last >= 0 && out[last].period == c.period {
			out[last].count += c.count
			continue
		}
		out = append(out, c)
	}
	s.cells = out
}

func (s *series) merge(other *series) {
	for _, c := range other.cells {
		s.add(c.period, c.count)
	}
}

// dimension counts by value and period, in bounded memory: of values beyond
// distinct, and of periods beyond cellsMax, only the sum is known.
type dimension struct {
	distinct int
	values   map[string]*series
	cells    int
	// untracked are the counts that found no room.
	untracked series
}

// cellsMax bounds the (value, period) pairs of a dimension: 16 bytes each.
const cellsMax = 1 << 20

// add counts n for a value. The value is who somebody says to be, so its length
// is bounded too.
func (d *dimension) add(value string, period int64, n uint64) {
	value = bounded(value)
	s := d.values[value]
	if s != nil && s.has(period) {
		s.add(period, n)
		return
	}
	if d.cells >= cellsMax || s == nil && len(d.values) >= d.distinct {
		d.untracked.add(period, n)
		return
	}
	if s == nil {
		s = &series{}
		d.values[strings.Clone(value)] = s
	}
	d.cells++
	s.add(period, n)
}

func (d *dimension) fold(to func(int64) int64) {
	d.cells = 0
	for _, s := range d.values {
		s.fold(to)
		d.cells += len(s.cells)
	}
	d.untracked.fold(to)
}

// valueMax is the longest value that is kept as it is, in bytes.
const valueMax = 200

// bounded cuts a value that is longer, and tells it apart from others of the
// same beginning.
func bounded(value string) string {
	if len(value) <= valueMax {
		return value
	}
	cut := valueMax
	for !utf8.RuneStart(value[cut]) && cut > valueMax-utf8.UTFMax {
		cut--
	}
	hash := sha256.Sum256([]byte(value))
	return fmt.Sprintf("%s… (%d bytes, SHA-256 %s…)", value[:cut], len(value), hex.EncodeToString(hash[:6]))
}
