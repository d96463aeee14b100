package strictyaml_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/strictyaml"
)

func TestWholeFile(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text string
		want want
	}{
		"empty":               {"", want{0, "", "the file is empty", "right file"}},
		"blank":               {"\n\n", want{0, "", "the file is empty", "right file"}},
		"comment":             {"# name: x\n", want{0, "", "the file is empty", "right file"}},
		"null":                {"null\n", want{0, "", "the file is empty", "right file"}},
		"a text":              {"name\n", want{1, "", "has a text where settings are needed", "key: value"}},
		"a list":              {"- name: x\n", want{1, "", "has a list where settings are needed", "key: value"}},
		"two documents":       {"name: x\n---\nname: y\n", want{3, "", "more than one YAML document", "keep one"}},
		"syntax":              {"name: x\nlist: [a\n", want{2, "", "not YAML", "correct the syntax"}},
		"tab for indentation": {"sub:\n\tkey: x\n", want{2, "", "not YAML", "correct the syntax"}},
		"invalid UTF-8":       {"name: x\n# \xfe\n", want{2, "", "invalid UTF-8", "plain UTF-8"}},
		"NUL":                 {"name: \"x\x00\"\n", want{1, "", "control characters", "plain UTF-8"}},
		"escape":              {"name: x\n\n# \x1b[2J\n", want{3, "", "control characters", "plain UTF-8"}},
		"C1 control":          {"name: x\u0080\n", want{1, "", "control characters", "plain UTF-8"}},
		"UTF-16":              {"\xff\xfen\x00a\x00", want{1, "", "invalid UTF-8", "plain UTF-8"}},
		"brackets":            {"name: " + strings.Repeat("[", 65) + "\n", want{1, "", "nested too deeply", "close the brackets"}},
		"brackets over lines": {strings.Repeat("{a:\n", 65), want{65, "", "nested too deeply", "close the brackets"}},
		"indentation":         {strings.Repeat(" ", 300) + "name: x\n", want{1, "", "nested too deeply", "two spaces"}},
		"compact lists":       {strings.Repeat("- ", 200) + "x\n", want{1, "", "nested too deeply", "two spaces"}},
		"large":               {"name: x\n" + strings.Repeat("#\n", 2<<20), want{0, "", "the file is larger than 4 MiB", "right file"}},
		"anchor":              {"name: &a x\n", want{1, "name", "has an anchor, alias or tag where a text", "write a text"}},
		"alias":               {"name: x\nmode: *a\n", want{2, "mode", "has an anchor, alias or tag where a text", "write a text"}},
		"tag":                 {"name: !!str x\n", want{1, "name", "has an anchor, alias or tag where a text", "write a text"}},
		"merge key":           {"name: x\n<<: {mode: slow}\n", want{2, "", "a key is not a plain word", "<< are not supported"}},
		"number for a key":    {"name: x\n1: x\n", want{2, "", "a key is not a plain word", "as a word"}},
		"list for a key":      {"name: x\n? [a]\n: b\n", want{3, "", "not YAML", "here or just above"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := read(c.text)
			check(t, err, c.want)
			if c.want.field == "" && !strings.Contains(c.want.problem, "key") && s.name != "" {
				t.Errorf("something was read: %+v", s)
			}
		})
	}
}

// TestHarmlessSpellings: what a person's editor may leave in a file.
func TestHarmlessSpellings(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"byte order mark": "\ufeffname: x\n",
		"CRLF":            "name: x\r\nmode: fast\r\n",
		"no final line":   "name: x",
		"document start":  "---\nname: x\n",
		"document end":    "name: x\n...\n",
		"comments":        "# a\nname: x # b\n# c\n",
		"flow":            "{name: x, mode: fast}\n",
		"quotes":          "\"name\": 'x'\n",
		"literal":         "name: |-\n  x\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := read(text)
			if err != nil || s.name != "x" || s.mode != "fast" {
				t.Errorf("got %+v, %v", s, err)
			}
		})
	}
}

func TestUnknownAndDuplicateKeys(t *testing.T) {
	t.Parallel()
	_, err := read(`name: x
nam: y
mode: slow
items:
  - id: a
    id: b
  - id: c
    "strange key": 1
sub: {key: x, kee: y}
later: 1
name: z
somethingelse: 1
`)
	check(t, err,
		want{2, "nam", "unknown key", "did you mean name?"},
		want{6, "items[0].id", "given twice, first in line 5", "keep one"},
		want{8, `items[1]."strange key"`, "unknown key", "use one of id"},
		want{9, "sub.kee", "unknown key", "did you mean key?"},
		want{10, "later", "not in this version", "remove it"},
		want{11, "name", "given twice, first in line 1", "keep one"},
		want{12, "somethingelse", "unknown key", "use one of at, d, items, list, mode, n, name, on, sub"},
	)
}

// TestReadable: rules over several fields do not judge what could not be read.
func TestReadable(t *testing.T) {
	t.Parallel()
	doc := strictyaml.Parse([]byte("a: 1\nb: 2s\n"))
	doc.Root().Duration("a", strictyaml.DurationRange{})
	doc.Root().Duration("b", strictyaml.DurationRange{})
	doc.Root().Duration("c", strictyaml.DurationRange{})
	if doc.Readable("a") || doc.Readable("b", "a") || !doc.Readable("b", "c") || !doc.Readable() {
		t.Error("wrong about what could be read")
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	doc := strictyaml.Parse([]byte("# first\na:\n  b: c\nlist:\n  - x\n  -\n    y: z\n"))
	root := doc.Root()
	a := root.Map("a")
	for name, c := range map[string]struct{ got, want strictyaml.At }{
		"a key":          {root.At("a"), strictyaml.At{Line: 2, Field: "a"}},
		"a key within":   {a.At("b"), strictyaml.At{Line: 3, Field: "a.b"}},
		"an absent key":  {a.At("d"), strictyaml.At{Line: 2, Field: "a.d"}},
		"an absent map":  {root.Map("e").At("f"), strictyaml.At{Line: 1, Field: "e.f"}},
		"a strange key":  {root.At("x.y"), strictyaml.At{Line: 1, Field: `"x.y"`}},
		"an endless key": {root.At(strings.Repeat("k", 99)), strictyaml.At{Line: 1, Field: `"` + strings.Repeat("k", 60) + `..."`}},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, c.got, c.want)
		}
	}
	if !a.Present() || root.Map("e").Present() || !root.IsMap("a") || root.IsMap("list") || root.IsMap("e") || root.Map("a") != a {
		t.Error("wrong about what is a mapping")
	}
	if !root.Has("list") || root.Has("e") {
		t.Error("wrong about what is there")
	}
	maps := root.Maps("list")
	if len(maps) != 1 || maps[0].At("x") != (strictyaml.At{Line: 7, Field: "list[1].x"}) {
		t.Errorf("got %+v", maps)
	}
	check(t, doc.Err(""), want{3, "a.b", "unknown key", "remove it"}, want{5, "list[0]", "has a text where settings are needed", "key: value"}, want{7, "list[1].y", "unknown key", "remove it"})
}

func TestError(t *testing.T) {
	t.Parallel()
	if err := strictyaml.NewError("x", nil); err != nil {
		t.Errorf("got %v", err)
	}
	given := []strictyaml.Violation{
		{Line: 3, Field: "b", Problem: "p", Remedy: "r"},
		{Line: 3, Field: "a", Problem: "q"},
		{Line: 3, Field: "b", Problem: "p", Remedy: "r"},
		{Problem: "none"},
	}
	before := slices.Clone(given)
	err := strictyaml.NewError("dir/x.yaml", given)
	if got, want := err.Error(), "x.yaml: none\nx.yaml:3: a: q\nx.yaml:3: b: p; r"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Equal(given, before) {
		t.Error("the caller's violations were reordered")
	}
	if got := strictyaml.NewError("", given[3:]).Error(); got != "input: none" {
		t.Errorf("got %q", got)
	}
}

// TestManyViolations: a wrong file is told from its beginning, not at any length.
func TestManyViolations(t *testing.T) {
	t.Parallel()
	text := func(n int) string {
		var b strings.Builder
		b.WriteString("name: x\n")
		for i := range n {
			fmt.Fprintf(&b, "k%d: 1\n", i)
		}
		return b.String()
	}
	for n, more := range map[int]int{100: 0, 101: 1, 900: 800} {
		_, err := read(text(n))
		all, ok := errors.AsType[*strictyaml.Error](err)
		if !ok || len(all.Violations) != 100 || all.More != more || all.Violations[0].Line != 2 || all.Violations[99].Line != 101 {
			t.Fatalf("%d violations: got %v", n, err)
		}
		lines := strings.Split(err.Error(), "\n")
		said := strings.HasPrefix(lines[len(lines)-1], "settings.yaml: and ")
		if said != (more > 0) || said && lines[100] != fmt.Sprintf("settings.yaml: and %d more", more) {
			t.Errorf("%d violations: the last line is %q", n, lines[len(lines)-1])
		}
	}
}
