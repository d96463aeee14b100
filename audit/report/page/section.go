package page

// section is a plot with its numbers beside it.
type section struct {
	ID, Title, Lead string
	Legend          []legendEntry
	Plot            *plot // nil where there is nothing to draw
	Wide            bool  // the tables need all of the width
	Tables          []table
}

// legendEntry is one colour and what it stands for.
type legendEntry struct{ Class, Text string }
