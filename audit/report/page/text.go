package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"signet/internal/grouped"
)

// display makes foreign text safe to look at: what cannot be seen, or turns the
// direction of what follows, is spelled out, marks do not pile up, and it ends
// after limit characters. The template escapes it besides.
func display(text string, limit int) string {
	var b strings.Builder
	n, marks := 0, 0
	for _, r := range text {
		if marks++; !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > 2 {
			continue
		}
		if n++; n > limit {
			b.WriteRune('…')
			break
		}
		if r != ' ' && !unicode.IsPrint(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
			n += 5
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// fit shortens a label to about so many pixels of the plots' small type, whose
// true width nobody knows here: wide characters are taken to be as wide as high.
func fit(text string, pixels float64) string {
	const size = 12.0
	var b strings.Builder
	for _, r := range display(text, 200) {
		switch {
		case r >= 0x1100: // ideographs, Hangul, emoji; some of these are narrower
			pixels -= 1.1 * size
		case strings.ContainsRune("MWmw@%—…", r), unicode.IsUpper(r):
			pixels -= 0.9 * size
		case unicode.Is(unicode.M, r):
		case r < 0x250:
			pixels -= 0.6 * size
		default:
			pixels -= 0.8 * size
		}
		if pixels < size {
			return b.String() + "…"
		}
		b.WriteRune(r)
	}
	return b.String()
}

// short writes a number of an axis, such as 1.5M.
func short(n uint64) string {
	for _, unit := range []struct {
		size uint64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.size {
			return strconv.FormatFloat(float64(n)/float64(unit.size), 'f', -1, 64) + unit.name
		}
	}
	return strconv.FormatUint(n, 10)
}

// counted writes a number with its noun.
func counted[N int | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped.Thousands(n) + " " + many
}

// moment writes a time, "unknown" if there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// age writes a duration given in seconds in its largest unit, days at most.
func age(seconds int64) string {
	switch d := time.Duration(seconds) * time.Second; {
	case d >= 48*time.Hour:
		return grouped.Thousands(int(d.Hours()/24)) + " days"
	case d >= 2*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " hours"
	case d >= 2*time.Minute:
		return strconv.Itoa(int(d.Minutes())) + " minutes"
	default:
		return strconv.Itoa(int(d.Seconds())) + " seconds"
	}
}

// hash shortens a value that Vault's log has hashed.
func hash(text string) string {
	const kept = len("hmac-sha256:") + 8
	if strings.HasPrefix(text, "hmac-sha256:") && len(text) > kept {
		return text[:kept] + "…"
	}
	return display(text, 60)
}
