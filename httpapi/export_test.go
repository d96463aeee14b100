package httpapi

// ParseIssue is parseIssue.
var ParseIssue = parseIssue

// ParseForm is parseForm, and what it found.
func ParseForm(body string) (map[string][]string, error) {
	f, err := parseForm(body)
	return f.values, err
}

// ParseBasic is parseBasic.
func ParseBasic(header string) (id, secret string, ok bool) {
	c, ok := parseBasic(header)
	return c.id, c.secret, ok
}

// Describable is describable.
func Describable(text string) string { return describable(text) }
