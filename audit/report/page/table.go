package page

import (
	"strings"
	"time"

	"signet/internal/grouped"
)

// table is what a plot shows, in numbers, or what no plot can show.
type table struct {
	Caption string
	Head    []column
	Rows    [][]field // the first field of a row is its heading
	// Note stands below it.
	Note string
}

type column struct {
	Name   string
	Number bool
}

type field struct {
	Text   string
	Number bool
	Class  string
}

func texts(names ...string) []column {
	out := make([]column, len(names))
	for i, n := range names {
		out[i].Name = n
	}
	return out
}

func numbers(names ...string) []column {
	out := texts(names...)
	for i := range out {
		out[i].Number = true
	}
	return out
}

func text(s string) field { return field{Text: s} }

func number[N int | uint64](n N) field { return field{Text: grouped.Thousands(n), Number: true} }

// at is a time, which stays on one line.
func at(t time.Time) field { return field{Text: moment(t), Class: "whole"} }

// hashed is a value that Vault's log may have hashed.
func hashed(s string) field { return field{Text: hash(s), Class: "whole"} }

// Classes are for the style sheet.
func (f field) Classes() string {
	if f.Number {
		return strings.TrimSpace("number " + f.Class)
	}
	return f.Class
}
