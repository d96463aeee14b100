package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"signet/internal/strictjson"
)

const depth = 4

// Every kind of value, and what is around it, comes out as it was written.
func TestParseObject(t *testing.T) {
	members, err := strictjson.ParseObject([]byte(" {\"a\" : 1 ,\t\"b\":[ true,null],\"\\u0063\":{\"a\":{\"a\":-0.5e+3}}\r\n,\"d\":\"\"} "), depth)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members {
		got = append(got, m.Name+"="+string(m.Value))
	}
	if want := []string{"a=1", "b=[ true,null]", `c={"a":{"a":-0.5e+3}}`, `d=""`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if members, err := strictjson.ParseObject([]byte("{}"), 1); err != nil || len(members) != 0 {
		t.Errorf("{}: %v, %v", members, err)
	}
}

// An object is refused for anything that two readers could take differently.
func TestRefusesObject(t *testing.T) {
	manyNames := func(last int) string {
		var b strings.Builder
		for i := range 40 {
			fmt.Fprintf(&b, `"n%d":0,`, i)
		}
		return fmt.Sprintf(`{%s"n%d":0}`, b.String(), last)
	}
	if _, err := strictjson.ParseObject([]byte(manyNames(40)), depth); err != nil {
		t.Errorf("41 names: %v", err)
	}
	for name, text := range map[string]string{
		"nothing":                "",
		"a list":                 `[{"a":1}]`,
		"null":                   "null",
		"cut off":                `{"a":1`,
		"no value":               `{"a"}`,
		"no colon":               `{"a" 1}`,
		"name is no string":      `{1:2}`,
		"comma at the end":       `{"a":1,}`,
		"no comma":               `{"a":1 "b":2}`,
		"text behind":            `{} {}`,
		"byte order mark":        "\ufeff{}",
		"NUL behind":             "{}\x00",
		"invalid UTF-8":          "{\"a\":\"\xff\"}",
		"name twice":             `{"a":1,"a":1}`,
		"name twice, escaped":    `{"a":1,"\u0061":1}`,
		"name twice, inside":     `{"a":{"b":1,"b":2}}`,
		"name twice, in a list":  `{"a":[{"b":1,"b":2}]}`,
		"name twice, the first":  manyNames(0),
		"name twice, a late one": manyNames(39),
		"lone high surrogate":    `{"a":"\ud800"}`,
		"lone low surrogate":     `{"a":"\udc00"}`,
		"two high surrogates":    `{"a":"\ud800\ud800"}`,
		"surrogate in a name":    `{"\ud800":1}`,
		"too deep":               `{"a":[[[[]]]]}`,
	} {
		if members, err := strictjson.ParseObject([]byte(text), depth); !errors.Is(err, strictjson.Err) || members != nil {
			t.Errorf("%s: %q is read as %v, %v", name, text, members, err)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, text := range []string{
		"1e308", "-1e308", "1e-999999", strings.Repeat("9", 308), "0", "-0", "10", "1.50", "1e9", "1E-9", "-1.5e+07", "true", "false", "null", ` "" `, "[]", "[ ]", "[1, 2]", "{}",
		`"\"\\\/\b\f\n\r\t"`, `"\u00e9\uD83D\uDE00"`, "\"\u00e9\"", "[[[[]]]]", `[{"a":[{}]}]`,
	} {
		if err := strictjson.Check([]byte(text), depth); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"1e309", "-1e309", "1e999999", strings.Repeat("9", 310), `[{"a":1e999999}]`, "", " ", "01", "+1", "1.", ".5", "1e", "1e+", "-", "0x1", "NaN", "Infinity", "True", "nul", "'a'", `"`, `"a`, `"\x"`, `"\`,
		`"\u12"`, `"\u12g4"`, "\"\n\"", "\"a\\n\n\"", "[1", "[1,]", "[,]", "[1 2]", "1 2", "//", "[[[[[]]]]]", `[[[[{}]]]]`,
	} {
		if err := strictjson.Check([]byte(text), depth); !errors.Is(err, strictjson.Err) {
			t.Errorf("%q passes: %v", text, err)
		}
	}
	if err := strictjson.Check([]byte("1"), 0); err != nil {
		t.Errorf("a scalar needs no depth: %v", err)
	}
}

func TestMember(t *testing.T) {
	for _, tt := range []struct {
		value  string
		text   string
		isText bool
		texts  []string
		number string
	}{
		{value: `"a\u0062"`, text: "ab", isText: true, texts: []string{"ab"}},
		{value: `""`, isText: true, texts: []string{""}},
		{value: `"\ud83d\ude00\n"`, text: "\U0001F600\n", isText: true, texts: []string{"\U0001F600\n"}},
		{value: `[ "a" , "b" ]`, texts: []string{"a", "b"}},
		{value: `["a",1]`},
		{value: `["a",]`},
		{value: `[]`},
		{value: `1e400`},
		{value: `1e308`, number: "1e308"},
		{value: `-0.5`, number: "-0.5"},
		{value: `null`},
		{value: `{"a":"b"}`},
		{value: ``},
	} {
		m := strictjson.Member{Name: "n", Value: json.RawMessage(tt.value)}
		if text, ok := m.Text(); ok != tt.isText || text != tt.text {
			t.Errorf("%s as text: %q, %v", tt.value, text, ok)
		}
		if texts, ok := m.Texts(); ok != (tt.texts != nil) || !slices.Equal(texts, tt.texts) {
			t.Errorf("%s as texts: %q, %v", tt.value, texts, ok)
		}
		if number, ok := m.Number(); ok != (tt.number != "") || number != tt.number {
			t.Errorf("%s as a number: %q, %v", tt.value, number, ok)
		}
	}
}

// What is accepted, encoding/json reads the same way, so that no two readers
// disagree about it.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"a":2}`, `{"a":"\ud83d\ude00","b":["x",1e9,null,{"c":[]}]}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", ` { "\u0061" : -0.0 } `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := strictjson.ParseObject(data, depth)
		if (err == nil) != (strictjson.Check(data, depth) == nil && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{"))) {
			t.Fatalf("ParseObject and Check disagree: %v", err)
		}
		if err != nil {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if len(want) != len(members) {
			t.Fatalf("%d members, encoding/json reads %d", len(members), len(want))
		}
		for _, m := range members {
			if !bytes.Equal(m.Value, want[m.Name]) {
				t.Fatalf("%q is %s, encoding/json reads %s", m.Name, m.Value, want[m.Name])
			}
			var text string
			if got, ok := m.Text(); ok && (json.Unmarshal(m.Value, &text) != nil || text != got) {
				t.Fatalf("%s is %q, encoding/json reads %q", m.Value, got, text)
			}
		}
	})
}
