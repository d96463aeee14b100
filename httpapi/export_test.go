package httpapi

// ParseIssue is parseIssue.
var ParseIssue = parseIssue

// ParseList is parseList.
var ParseList = parseList

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

// Lists are lists.
type Lists = lists

// Enter is enter.
func (l *lists) Enter(client string) (leave func(), err error) { return l.enter(client) }
