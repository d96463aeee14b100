package strictyaml_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"signet/internal/strictyaml"
)

// settings are what a caller of this package reads: one key of each kind.
type settings struct {
	name, mode string
	list       []strictyaml.Text
	on         bool
	n          int
	d          time.Duration
	at         time.Time
	sub        string
	items      []string
}

// read asks for every key that a settings file may have.
func read(text string) (settings, error) {
	doc := strictyaml.Parse([]byte(text))
	var s settings
	if doc.Parsed() {
		root := doc.Root()
		root.NotYet("later")
		s = settings{
			name: root.Required("name", "orders"),
			mode: root.Choice("mode", "fast", "slow"),
			list: root.Strings("list"),
			on:   root.Bool("on"),
			n:    root.Int("n", strictyaml.IntRange{Default: 7, Min: 1, Max: 10}),
			d:    root.Duration("d", strictyaml.DurationRange{Default: time.Minute, Min: time.Second, Max: time.Hour}),
			at:   root.Time("at"),
			sub:  root.Map("sub").String("key", "none"),
		}
		for _, m := range root.Maps("items") {
			s.items = append(s.items, m.Required("id", "x"))
		}
	}
	return s, doc.Err("dir/settings.yaml")
}

func violations(t testing.TB, err error) []strictyaml.Violation {
	t.Helper()
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[*strictyaml.Error](err)
	if !ok {
		t.Fatalf("%v is no *strictyaml.Error", err)
	}
	return all.Violations
}

type want struct {
	line                   int
	field, problem, remedy string
}

func check(t *testing.T, err error, wants ...want) {
	t.Helper()
	got := violations(t, err)
	for i, w := range wants {
		if i >= len(got) {
			t.Errorf("missing: %+v", w)
			continue
		}
		g := got[i]
		if g.Line != w.line || g.Field != w.field || !strings.Contains(g.Problem, w.problem) || !strings.Contains(g.Remedy, w.remedy) {
			t.Errorf("violation %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
	for _, g := range got[min(len(wants), len(got)):] {
		t.Errorf("nobody expected %+v", g)
	}
}
