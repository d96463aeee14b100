package strictyaml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/internal/strictyaml"
)

// TestManyKeys: a file as large as may be is refused or read in a time in which
// nobody wonders, whatever its mappings are.
func TestManyKeys(t *testing.T) {
	t.Parallel()
	fill := func(line string) string { return strings.Repeat(line, strictyaml.MaxSize/len(line)) }
	for name, c := range map[string]struct {
		text    string
		refused bool
	}{
		"one mapping":      {fill("a:\n"), true},
		"with values":      {fill("a: 1\r\n"), true},
		"with tabs":        {fill("a:\t1\n"), true},
		"with a dash":      {fill("-a: 1\n"), true},
		"with question":    {fill("? a\n: 1\n"), true},
		"in an item":       {"list:\n- a: 1\n" + fill("  b: 2\n")[:1<<20], true},
		"further in":       {"sub:\n" + fill("  b:\n    c: 2\n")[:1<<20], true},
		"comments":         {"a: 1\n" + strings.Repeat("# b: 2\n", 2000), false},
		"a list of texts":  {"a:\n" + strings.Repeat("  - https://api.example.com\n", 2000), false},
		"a list over rows": {"a: [\n" + strings.Repeat("  https://api.example.com,\n", 2000) + "  x]\n", false},
		"many items":       {"list:\n" + strings.Repeat("  - id: a\n    grants: [b]\n", 2000), false},
		"many submappings": {"list:\n" + strings.Repeat("-\n  sub:\n    a: 1\n", 2000), false},
	} {
		began := time.Now()
		d := strictyaml.Parse([]byte(c.text))
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
		if refused := !d.Parsed() && strings.Contains(fmt.Sprint(d.Err("x")), "too many keys in one mapping"); refused != c.refused || !refused && !d.Parsed() {
			t.Errorf("%s: refused %t: %.200v", name, refused, d.Err("x"))
		}
	}
}
