// Package grouped writes whole numbers for people, in tables and plots.
package grouped

import "strconv"

// Thousands has a comma after each three digits of n, which is not negative: 12,000.
func Thousands[N int | uint64](n N) string {
	text := strconv.FormatUint(uint64(n), 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
