package transitname_test

import (
	"strings"
	"testing"

	"signet/internal/transitname"
)

func TestRules(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ key, mount bool }{
		"signet-es256":           {true, true},
		"a":                      {true, true},
		"_a_":                    {true, true},
		"-a":                     {false, false},
		"a-":                     {false, true},
		"a.b":                    {false, true},
		"team/transit":           {false, true},
		"/transit":               {false, false},
		"transit/":               {false, false},
		"a//b":                   {false, false},
		"":                       {false, false},
		"*":                      {false, false},
		"+":                      {false, false},
		`x" {} path "y`:          {false, false},
		"a\n":                    {false, false},
		"ä":                      {false, false},
		strings.Repeat("a", 128): {true, true},
		strings.Repeat("a", 129): {false, true},
	} {
		if got := transitname.Key(name); got != want.key {
			t.Errorf("Key(%q) = %v", name, got)
		}
		if got := transitname.Mount(name); got != want.mount {
			t.Errorf("Mount(%q) = %v", name, got)
		}
	}
}
