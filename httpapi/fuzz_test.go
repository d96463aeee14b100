package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"signet/httpapi"
)

// A form that is accepted means one thing only: encoded again and read again it
// is the same, and what must occur once does.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{
		"", "grant_type=client_credentials&scope=a+b", "audience=a&audience=b&resource=", "a=%ff", "token=a&token=b", "%74oken=a&token=b", "a=b;c=d", "=&&=", "token=%00", "%zz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		values, err := httpapi.ParseForm(body)
		if err != nil {
			return
		}
		for name, list := range values {
			if len(list) == 0 || slices.Contains(list, "") || slices.ContainsFunc(list, func(v string) bool { return !utf8.ValidString(v) }) {
				t.Fatalf("%q is %q", name, list)
			}
			if (name == "token" || name == "client_secret" || name == "grant_type" || name == "scope") && len(list) != 1 {
				t.Fatalf("%s occurs %d times", name, len(list))
			}
		}
		again, err := httpapi.ParseForm(url.Values(values).Encode())
		if err != nil || len(again) != len(values) {
			t.Fatalf("%q, then %q, %v", values, again, err)
		}
		for name, list := range values {
			if !slices.Equal(again[name], list) {
				t.Fatalf("%q, then %q", list, again[name])
			}
		}
	})
}

// Credentials that are accepted are those that somebody encoded.
func FuzzParseBasic(f *testing.F) {
	for _, seed := range []string{
		"Basic b3JkZXJzOnNlY3JldA==", "basic  OjpB", "Basic", "Bearer x", "Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab:c%20d+e")), "Basic b3JkZXJzOnNlY3JldB==", "Basic b3Jk\nZXJz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, ok := httpapi.ParseBasic(header)
		if !ok {
			if id != "" || secret != "" {
				t.Fatalf("refused, but found %q %q", id, secret)
			}
			return
		}
		if id == "" || secret == "" {
			t.Fatalf("%q gave %q and %q", header, id, secret)
		}
		gotID, gotSecret, ok := httpapi.ParseBasic(basic(id, secret))
		if !ok || gotID != id || gotSecret != secret {
			t.Fatalf("%q, %q became %q, %q", id, secret, gotID, gotSecret)
		}
	})
}

func FuzzParseIssue(f *testing.F) {
	for _, seed := range []string{
		goodJSON, `{"subject":"a","audience":["b"],"scope":"c","claims":{"d":{}},"ttl":"5m","ring":"e","refresh":true,"label":"f"}`,
		`{"Subject":"a"}`, `{"subject":"a","claims":{"x":1,"x":2}}`, `{"subject":"\ud800"}`, `{"ttl":"-5m"}`, `{"audience":[null]}`, "{\"subject\":\"\xff\"}",
		`{"label":"\ud800"}`, `{"scope":"\ud83d\ude00"}`, `{"claims":{"a":[{"b":1,"b":2}]}}`, `{"claims":{"a":{"\udc00":1}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := httpapi.ParseIssue([]byte(text))
		if err != nil {
			return
		}
		if r.TTL < 0 || r.TTL > time.Duration(1<<63-1) || !utf8.ValidString(r.Subject) || !utf8.ValidString(r.Label) || !utf8.ValidString(text) {
			t.Fatalf("%q gave %+v", text, r)
		}
		// What encoding/json reads leniently must not say anything else.
		var lenient struct {
			Subject string                     `json:"subject"`
			Refresh bool                       `json:"refresh"`
			Scope   string                     `json:"scope"`
			Ring    string                     `json:"ring"`
			Claims  map[string]json.RawMessage `json:"claims"`
		}
		if err := json.Unmarshal([]byte(text), &lenient); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if lenient.Subject != r.Subject || lenient.Refresh != r.Refresh || lenient.Scope != r.Scope || lenient.Ring != r.Ring || len(lenient.Claims) != len(r.Claims) {
			t.Fatalf("%q: %+v, encoding/json has %+v", text, r, lenient)
		}
	})
}

// A list is split where encoding/json splits it, holds 1 to 1,000 items, and is
// never a request for one token too.
func FuzzParseList(f *testing.F) {
	for _, seed := range []string{
		goodJSON, listOf(goodJSON), listOf(goodJSON, "null", `"]}"`, "[[]]", ` {"a":1,"a":2} `), `{"tokens":[]}`, `{"tokens":[1],"tokens":[2]}`, `{"\u0074okens":[1]}`,
		`{"tokens":[1],"subject":"a"}`, `[1]`, `{"tokens":[1]}x`, `{"tokens":{"tokens":[1]}}`, "{\"tokens\":[\"\xff\"]}", `{"tokens":["\ud800"]}`, ` { "tokens" : [ 1 , 2 ] } `,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		items, err := httpapi.ParseList([]byte(text))
		if err != nil || items == nil {
			if items != nil {
				t.Fatalf("%q gave %q and %v", text, items, err)
			}
			return
		}
		var lenient map[string][]json.RawMessage
		if err := json.Unmarshal([]byte(text), &lenient); err != nil || len(lenient) != 1 || len(lenient["tokens"]) != len(items) || len(items) < 1 || len(items) > 1000 {
			t.Fatalf("%q: %d items; encoding/json has %q, %v", text, len(items), lenient, err)
		}
		for i, item := range items {
			if string(item) != string(lenient["tokens"][i]) {
				t.Fatalf("%q: %q, encoding/json has %q", text, item, lenient["tokens"][i])
			}
		}
		if r, err := httpapi.ParseIssue([]byte(text)); err == nil {
			t.Fatalf("%q is a request for one token too: %+v", text, r)
		}
	})
}

// An error_description never leaves the characters of RFC 6749 section 5.2.
func FuzzDescribable(f *testing.F) {
	f.Add("a \"b\" \\ \n é \xff")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range httpapi.Describable(text) {
			if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
				t.Fatalf("%q became %q", text, httpapi.Describable(text))
			}
		}
	})
}
