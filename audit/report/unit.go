package report

import "time"

// Unit is the length of the periods that counts are kept by, in UTC.
type Unit string

// The units. A week begins on Monday.
const (
	Hour Unit = "hour"
	Day  Unit = "day"
	Week Unit = "week"
)

// The longest spans that are counted by the hour and by the day.
const (
	hoursUpTo = 72 * time.Hour
	daysUpTo  = 92 * 24 * time.Hour
)

// unitFor is the unit for a span that nobody chose one for.
func unitFor(span time.Duration) Unit {
	switch {
	case span <= hoursUpTo:
		return Hour
	case span <= daysUpTo:
		return Day
	}
	return Week
}

// monday is the distance in days from the Monday before 1970 to 1970.
const monday = 3

// index is the number of the period that t lies in, counted from 1970.
func (u Unit) index(t time.Time) int64 {
	hours := floor(t.Unix(), 3600)
	switch u {
	case Hour:
		return hours
	case Day:
		return floor(hours, 24)
	case Week:
	}
	return floor(floor(hours, 24)+monday, 7)
}

// start is the first moment of the period with that number.
func (u Unit) start(index int64) time.Time {
	switch u {
	case Hour:
		return time.Unix(index*3600, 0).UTC()
	case Day:
		return time.Unix(index*86400, 0).UTC()
	case Week:
	}
	return time.Unix((index*7-monday)*86400, 0).UTC()
}

// Next is the start of the period after the one that starts at t.
func (u Unit) Next(t time.Time) time.Time { return u.start(u.index(t) + 1) }

// Floor is the start of the period that t lies in.
func (u Unit) Floor(t time.Time) time.Time { return u.start(u.index(t)) }

// Valid reports whether it is one of the units.
func (u Unit) Valid() bool { return u == Hour || u == Day || u == Week }

// floor divides and rounds down, below zero too.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
