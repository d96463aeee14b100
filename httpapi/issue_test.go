package httpapi_test

import (
	"strings"
	"testing"

	"signet/httpapi"
)

// TestParseIssueIsStrictThroughout: what one reader takes for a restriction and
// another does not see is refused wherever it stands.
func TestParseIssueIsStrictThroughout(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string {
		return `{"claims":{"a":` + strings.Repeat("[", levels) + strings.Repeat("]", levels) + `}}`
	}
	cases := map[string]struct {
		body string
		good bool
	}{
		"unique at every depth":         {`{"claims":{"a":{"x":1,"y":{"x":1}}}}`, true},
		"a whole surrogate pair":        {`{"claims":{"a":"\ud83d\ude00"},"label":"\ud83d\ude00"}`, true},
		"as deep as a claim may be":     {nested(15), true},
		"deeper":                        {nested(16), false},
		"a name twice in a claim":       {`{"claims":{"a":{"x":1,"x":2}}}`, false},
		"in an object in a list":        {`{"claims":{"a":[{"x":1,"\u0078":2}]}}`, false},
		"half a pair in a claim":        {`{"claims":{"a":"\ud800"}}`, false},
		"half a pair in a claim's name": {`{"claims":{"\udc00":1}}`, false},
		"half a pair in the label":      {`{"label":"\ud800"}`, false},
		"half a pair in an audience":    {`{"audience":["\ud800\u0041"]}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := httpapi.ParseIssue([]byte(c.body)); (err == nil) != c.good {
				t.Errorf("%s: %v", c.body, err)
			}
		})
	}
}
