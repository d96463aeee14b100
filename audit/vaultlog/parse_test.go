package vaultlog_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"signet/audit/vaultlog"
)

// realLines are those of a real Vault 1.21.2: signatures of all forms, and what
// an operator does beside them.
func realLines(tb testing.TB) [][]byte {
	tb.Helper()
	packed, err := os.ReadFile("testdata/vault-1.21.2.log.gz")
	if err != nil {
		tb.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		tb.Fatal(err)
	}
	more, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	all, err := os.ReadFile("vaultlogtest/testdata/vault-1.21.2.log")
	if err != nil {
		tb.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(append(all, more...)), []byte("\n"))
	if len(lines) < 150 {
		tb.Fatalf("%d lines", len(lines))
	}
	return lines
}

// agree: whatever the fast parsers take, encoding/json takes to the same effect.
func agree(tb testing.TB, line []byte) (fast bool) {
	tb.Helper()
	slow, slowErr := vaultlog.Slow(line)
	got, fast := vaultlog.Fast(line)
	if fast && slowErr != nil {
		tb.Fatalf("the fast parser takes what is no JSON: %q", line)
	}
	if fast && !reflect.DeepEqual(normal(got), normal(slow)) {
		tb.Fatalf("the parsers differ on %q\nfast %+v\nslow %+v", line, got, slow)
	}
	if end, ok := vaultlog.Tail(line); ok && slowErr == nil && requestBeforeTime(line) {
		if end.Kind() != slow.Kind() || !slow.HasRequest() || end.Head() != slow.Head() {
			tb.Fatalf("the end of the line differs on %q\nend  %q\nslow %q", line, end.Head(), slow.Head())
		}
	}
	return fast
}

// normal drops the difference between an empty list and none.
func normal(f *vaultlog.Fields) vaultlog.Fields { return f.Normal() }

// requestBeforeTime says that a line has the order of Vault's: what stands
// before "time" is the request, and in it what comes after "id" comes once.
func requestBeforeTime(line []byte) bool {
	top := names(line)
	for i := 1; i < len(top); i++ {
		if top[i] == "time" {
			var m map[string]json.RawMessage
			if json.Unmarshal(line, &m) != nil || top[i-1] != "request" {
				return false
			}
			inner, after := names(m["request"]), map[string]int{}
			for _, name := range inner {
				if after[name]++; after[name] > 1 || after["id"] == 0 && name > "id" {
					return false
				}
			}
			return true
		}
	}
	return false
}

// names are the members of an object in their order.
func names(object []byte) (all []string) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		s, ok := name.(string)
		var value json.RawMessage
		if !ok || d.Decode(&value) != nil {
			return nil
		}
		all = append(all, s)
	}
	return all
}

func TestParsersAgreeOnRealLines(t *testing.T) {
	for _, line := range realLines(t) {
		if !agree(t, line) {
			t.Errorf("the fast parser leaves %q", line)
		}
		if bytes.HasSuffix(line, []byte(`"type":"request"}`)) && !bytes.Contains(line, []byte("sys/audit/test")) {
			if _, ok := vaultlog.Tail(line); !ok {
				t.Errorf("the end is not read of %q", line)
			}
		}
	}
}

// TestParsersAgreeOnMangledLines: bytes changed, lost, doubled and moved.
func TestParsersAgreeOnMangledLines(t *testing.T) {
	lines := realLines(t)
	r := rand.New(rand.NewPCG(1, 2))
	taken := 0
	for range 4_000 {
		line := bytes.Clone(lines[r.IntN(len(lines))])
		for range 1 + r.IntN(2) {
			line = mangle(r, line)
		}
		if agree(t, line) {
			taken++
		}
	}
	if taken < 150 {
		t.Errorf("only %d mangled lines were taken: they prove little", taken)
	}
}

func mangle(r *rand.Rand, line []byte) []byte {
	if len(line) < 8 {
		return line
	}
	const special = "{}[]\",:\\ \n\t\x00\x7f\x80\xc3\xe2u01-.eEntf"
	at := r.IntN(len(line))
	to := min(len(line), at+1+r.IntN(12))
	switch r.IntN(6) {
	case 0:
		line[at] = special[r.IntN(len(special))]
	case 1:
		return append(line[:at], line[to:]...)
	case 2:
		return append(line[:to:to], line[at:]...)
	case 3:
		return line[:at]
	case 4: // a member doubled, or moved to where another one was
		a, b := quote(r, line), quote(r, line)
		return append(append(append([]byte{}, line[:a]...), line[min(a, b):max(a, b)]...), line[a:]...)
	default:
		line[at] ^= 1 << r.IntN(8)
	}
	return line
}

// quote is the place of some quote.
func quote(r *rand.Rand, line []byte) int {
	at := r.IntN(len(line))
	if i := bytes.IndexByte(line[at:], '"'); i >= 0 {
		return at + i
	}
	return at
}

func TestParsersAgreeOnUnusualLines(t *testing.T) {
	for _, c := range []struct {
		line string
		fast bool
	}{
		{`{}`, true},
		{`{"type":"response","request":{"id":"a","path":"p"},"time":"t"}`, true}, // another order
		{`{"type":"response","type":"request"}`, false},                          // which one counts?
		{`{"request":{"data":{"input":"a","input":"b"}}}`, false},
		{`{"request":{"data":{"batch_input":[{"reference":"r","input":"i"},{},null,7,{"input":null,"x":{"input":"no"}}]}}}`, true},
		{`{"request":{"data":{"batch_input":{"input":"i"}}}}`, true},
		{`{"request":{"data":{"batch_input":[],"input":5.5e3,"reference":[1],"key_version":true}}}`, true},
		{`{"request":{"path":"\u0041\ud83d\ude00ä\"\\\/"}}`, true},
		{"{\"request\":{\"path\":\"\xff\xfe\"}}", true},
		{"{\"request\":{\"path\":\"\x01\"}}", false},
		{`{"request":{"path":"\x"}}`, false},
		{`{"request":{"pa\u0074h":"p"}}`, false},
		{`{"request":{"Path":"p"}}`, true}, // no path: names are exact
		{`{"request":null,"response":null,"auth":null}`, true},
		{`{"request":[],"response":"x","auth":7}`, true},
		{`{"response":{"data":null}}`, true},
		{`{"response":{"data":{"batch_results":[{"key_version":1,"signature":"s"},{"key_version":"1"},[],{"key_version":01}]}}}`, false},
		{`{"response":{"data":{"batch_results":"x","error":"e","hmac":"h"}}}`, true},
		{`{"a":1{"b":2}}`, false},
		{`{"a":[1[2]]}`, false},
		{`{"a":-}`, false},
		{`{"a":1.}`, false},
		{`{"a":1e}`, false},
		{`{"a":-0.5E+7}`, true},
		{`{"a":tru}`, false},
		{`{"a":1,}`, false},
		{`{"a":[1,]}`, false},
		{`{,"a":1}`, false},
		{`{"a":1} `, false},
		{`{"a": 1}`, false},
		{`{"a":1}}`, false},
		{`[]`, false},
		{``, false},
	} {
		if got := agree(t, []byte(c.line)); got != c.fast {
			t.Errorf("%q: fast %v", c.line, got)
		}
	}
}

// FuzzLine: no line breaks a parser, and what the fast ones take means the same
// to encoding/json.
func FuzzLine(f *testing.F) {
	for i, line := range realLines(f) {
		if i%8 < 2 {
			f.Add(line)
		}
	}
	f.Add([]byte(`{"request":{"data":{"id":"x"},"id":"i","namespace":{"id":"n","path":"a/"},"operation":"o","path":"p"},"time":"t","type":"request"}`))
	f.Fuzz(func(t *testing.T, line []byte) { agree(t, line) })
}

// TestItemsAlike: an item that differs from the one before it in any byte is read
// as encoding/json reads it.
func TestItemsAlike(t *testing.T) {
	hash := func(digit string) string { return "hmac-sha256:" + strings.Repeat(digit, 64) }
	item := func(signature, reference string) string {
		return `{"signature":"` + signature + `","key_version":1,"error":"` + hash("e") + `","reference":"` + reference + `"}`
	}
	first, second := item(hash("a"), hash("b")), item(hash("c"), hash("d"))
	line := func(items ...string) []byte {
		return []byte(`{"type":"response","time":"2026-11-27T12:00:00Z","request":{"id":"i","path":"transit/sign/k","operation":"update"},` +
			`"response":{"data":{"batch_results":[` + strings.Join(items, ",") + `]}}}`)
	}
	agree(t, line(first, second, first))
	for i := range second {
		for _, c := range `"\A ,}0` + "\x00é" {
			agree(t, line(first, second[:i]+string(c)+second[i+1:], second))
		}
		agree(t, line(first, second[:i]))
		agree(t, line(first, second[i:]))
	}
	for _, other := range []string{
		item(hash("a"), "clear"), item("clear", hash("a")), `{"reference":"` + hash("a") + `","signature":"` + hash("b") + `"}`,
		`{"hmac":"` + hash("a") + `","signature":"` + hash("a") + `","reference":"` + hash("b") + `"}`,
		`{"signature":"` + hash("a") + `","signature":"` + hash("c") + `","reference":"` + hash("b") + `"}`, `{}`, `1`, `null`,
	} {
		agree(t, line(other, first, other, second, second))
	}
}
