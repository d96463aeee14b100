package growth

import (
	"fmt"
	"strings"
)

// Fill replaces what stands in a Markdown page between the lines <!-- name --> and
// <!-- end of name -->, each of which is there once.
func Fill(page, name, text string) (string, error) {
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	if strings.Count(page, begin) != 1 || strings.Count(page, end) != 1 {
		return "", fmt.Errorf("the page has not once each of the lines %q and %q", begin, end)
	}
	before, rest, _ := strings.Cut(page, begin)
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("in the page %q stands before %q", end, begin)
	}
	return before + begin + text + end + after, nil
}
