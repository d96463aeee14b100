package clients

import "strings"

// glob is a pattern with * for one or more characters other than : and /. It is
// anchored at both ends and nothing else is special.
type glob string

func (g glob) literal() bool { return !strings.Contains(string(g), "*") }

// match takes time proportional to len(g) * len(s) at worst: it goes back to
// the last star only.
func (g glob) match(s string) bool {
	if strings.Contains(s, "*") {
		// A caller must not obtain the pattern itself: who reads the token might
		// take the star for more than it is here.
		return false
	}
	star, mark := -1, 0 // the last star in g; the end of what it covers in s
	i, j := 0, 0        // next in g, next in s
	for j < len(s) {
		switch {
		case i < len(g) && g[i] == '*' && !separator(s[j]):
			star, mark = i, j+1
			i, j = i+1, j+1
		case i < len(g) && g[i] == s[j]:
			i, j = i+1, j+1
		case star >= 0 && mark < len(s) && !separator(s[mark]):
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return i == len(g)
}

func separator(c byte) bool { return c == ':' || c == '/' }

func matchAny(globs []glob, s string) bool {
	for _, g := range globs {
		if g.match(s) {
			return true
		}
	}
	return false
}
