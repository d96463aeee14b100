package strictyaml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/internal/strictyaml"
)

func TestValues(t *testing.T) {
	t.Parallel()
	s, err := read(`name: x
mode: slow
list: [a, "1", 'true', "", null-ish]
on: true
n: 10
d: 1h
at: "2026-01-31T15:04:05+01:00"
sub:
  key: "a\tb"
items: [{id: i}, {id: j}]
`)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 14, 4, 5, 0, time.UTC)
	if s.name != "x" || s.mode != "slow" || !s.on || s.n != 10 || s.d != time.Hour || !s.at.Equal(at) || s.sub != "a\tb" || fmt.Sprint(s.items) != "[i j]" {
		t.Errorf("got %+v", s)
	}
	var list []string
	for i, text := range s.list {
		list = append(list, text.Value)
		if text.At != (strictyaml.At{Line: 3, Field: fmt.Sprintf("list[%d]", i)}) {
			t.Errorf("%q is at %+v", text.Value, text.At)
		}
	}
	if strings.Join(list, "|") != "a|1|true||null-ish" {
		t.Errorf("got %q", list)
	}
	s, err = read("name: x\n")
	if err != nil || s.mode != "fast" || s.list != nil || s.on || s.n != 7 || s.d != time.Minute || !s.at.IsZero() || s.sub != "none" || s.items != nil {
		t.Errorf("defaults: got %+v, %v", s, err)
	}
}

// TestWrongValues: each line is all that a file says besides its name.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	for line, w := range map[string]want{
		"mode: sluw":        {2, "mode", `"sluw" is not possible here`, "did you mean slow?"},
		"mode: sideways":    {2, "mode", `"sideways" is not possible here`, "use one of fast, slow"},
		"mode: 1":           {2, "mode", "has a number where a text is needed", "in quotes"},
		"mode: true":        {2, "mode", "has true or false where a text is needed", "in quotes"},
		"mode:":             {2, "mode", "has nothing where a text is needed", "or remove the key"},
		"mode: {a: b}":      {2, "mode", "has a mapping where a text is needed", "write a text"},
		"list: a":           {2, "list", "has a text where a list is needed", "write `list: [...]`"},
		"list: [a, 010]":    {2, "list[1]", "has a number where a text is needed", "in quotes"},
		"list: [~]":         {2, "list[0]", "has nothing where a text is needed", "write a text"},
		"list: [.nan]":      {2, "list[0]", "has a number where a text is needed", "in quotes"},
		"list: [[a]]":       {2, "list[0]", "has a list where a text is needed", "write a text"},
		"on: yes":           {2, "on", "has a text where true or false is needed", "without quotes"},
		"on: 'true'":        {2, "on", "has a text where true or false is needed", "without quotes"},
		"on: 1":             {2, "on", "has a number where true or false is needed", "without quotes"},
		"n: 0":              {2, "n", "0 is out of range", "from 1 to 10"},
		"n: 11":             {2, "n", "11 is out of range", "from 1 to 10"},
		"n: '5'":            {2, "n", "has a text where a whole number is needed", "without quotes"},
		"n: 5.0":            {2, "n", "has a number where a whole number is needed", "without quotes"},
		"n: 010":            {2, "n", `"010" is not a plain decimal number`, "from 1 to 10"},
		"n: 0x5":            {2, "n", `"0x5" is not a plain decimal number`, "from 1 to 10"},
		"n: 0b1":            {2, "n", `"0b1" is not a plain decimal number`, "from 1 to 10"},
		"n: +5":             {2, "n", `"+5" is not a plain decimal number`, "from 1 to 10"},
		"n: 1_0":            {2, "n", `"1_0" is not a plain decimal number`, "from 1 to 10"},
		"d: 60":             {2, "d", "60 has no unit", "write 60s"},
		"d: '60'":           {2, "d", `"60" is not a duration`, "a number and a unit"},
		"d: 1.5":            {2, "d", "has a number where a text is needed", "in quotes"},
		"d: 2h":             {2, "d", "2h is out of range", "a duration from 1s to 1h"},
		"d: 1ms":            {2, "d", "1ms is out of range", "a duration from 1s to 1h"},
		"d: 90d":            {2, "d", `"90d" is not a duration`, "(90d is 2160h)"},
		"d: forever":        {2, "d", `"forever" is not a duration`, "a number and a unit"},
		"at: yesterday":     {2, "at", `"yesterday" is not a time`, "2026-01-31T15:04:05Z"},
		"at: 2026-01-31":    {2, "at", `"2026-01-31" is not a time`, "RFC 3339"},
		"sub: x":            {2, "sub", "has a text where settings are needed", "key: value"},
		"sub: {key: [x]}":   {2, "sub.key", "has a list where a text is needed", "write a text"},
		"items: [x]":        {2, "items[0]", "has a text where settings are needed", "key: value"},
		"items: [{}]":       {2, "items[0].id", "is missing", "write `id: x`"},
		"items: {id: x}":    {2, "items", "has a mapping where a list is needed", "[...]"},
		"items: [{id: ''}]": {2, "items[0].id", "is missing", "write `id: x`"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			_, err := read("name: x\n" + line + "\n")
			check(t, err, w)
		})
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h", 24 * time.Hour: "24h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", -time.Minute: "-1m",
	} {
		if got := strictyaml.Compact(d); got != want {
			t.Errorf("%s: got %s", d, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64().Draw(t, "d")).Truncate(rapid.SampledFrom([]time.Duration{1, time.Second, time.Minute, time.Hour}).Draw(t, "unit"))
		if got, err := time.ParseDuration(strictyaml.Compact(d)); err != nil || got != d {
			t.Fatalf("%s became %s, %v", d, got, err)
		}
	})
}

// TestQuote: one line, printable and short, whatever the file says.
func TestQuote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		got := strictyaml.Quote(s)
		if len(got) > 4*60+10 || strings.ContainsFunc(got, func(r rune) bool { return r < 0x20 || r == 0x7f || r == '\u2028' }) {
			t.Fatalf("%q became %s", s, got)
		}
	})
}

// FuzzParse: no file makes it panic, and each violation is complete and within
// the file. What is accepted keeps the limits of its reader.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "name: x\n", "name: x\nmode: slow\nlist: [a, b]\non: true\nn: 3\nd: 5m\nat: 2026-01-31T15:04:05Z\nsub:\n  key: v\nitems:\n  - id: a\n",
		"name: |\n  a\n  b\n", "name: >-\n a\n", "name: &a x\nmode: *a\n", "? a\n: b\n", "<<: {a: b}", "--- a\n--- b\n", "%YAML 1.2\n---\nname: x\n",
		"{name: x", "name: \"\\u0000\"", "name: x\nname: y\n", "- - - -", "[[[[", "\ufeffname: x\r\n", "!!map {name: x}", "name: x\n ...\n", "a: b: c",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := read(text)
		for _, v := range violations(t, err) {
			if v.Problem == "" || v.Remedy == "" || v.Line < 0 || v.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+2 {
				t.Errorf("incomplete: %+v", v)
			}
		}
		if err == nil && (s.name == "" || s.n < 1 || s.n > 10 || s.d < time.Second || s.d > time.Hour || (s.mode != "fast" && s.mode != "slow")) {
			t.Errorf("accepted: %+v", s)
		}
	})
}
