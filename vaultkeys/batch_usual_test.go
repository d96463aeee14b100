package vaultkeys_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"signet/vaultkeys"
)

const usualItem = `{"signature":"vault:v1:zyDNRzrZQayQ-lNCG_OXIqptQGxw","key_version":1,"reference":"pJx0"}`

var usualReplies = []string{
	`{"batch_results":[` + usualItem + `]}`,
	`{"batch_results":[` + usualItem + `,` + usualItem + `]}`,
	`{"batch_results":[{"signature":"","key_version":0,"reference":""}]}`,
}

var otherReplies = []string{
	``, `{}`, `null`, `{"batch_results":[]}`, `{"batch_results":[` + usualItem, `{"batch_results":[` + usualItem + `]`, `{"batch_results":[` + usualItem + `]}}`,
	`{"batch_results":[` + usualItem + `,]}`, `{"batch_results":[` + usualItem + `]}` + "\n",
	`{"batch_results":[{"key_version":0,"error":"unable to decode input","reference":"d"}]}`,
	`{"batch_results":[{"hmac":"vault:v1:ZNMR","valid":false,"reference":"abc"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a","key_version":01,"reference":"d"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a","key_version":+1,"reference":"d"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a","key_version":1.0,"reference":"d"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a","key_version":9999999999,"reference":"d"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a","key_version":1,"reference":"d\"ef"}]}`,
	`{"batch_results":[{"signature":"vault:v1:a\u0041","key_version":1,"reference":"d"}]}`,
	`{"batch_results":[{"signature":"vault:v1:ä","key_version":1,"reference":"d"}]}`,
	"{\"batch_results\":[{\"signature\":\"vault:\t\",\"key_version\":1,\"reference\":\"d\"}]}",
	`{"batch_results":[{"signature":"vault:v1:a","key_version":1,"reference":"d","publickey":"x"}]}`,
}

func TestUsualReplies(t *testing.T) {
	for _, text := range usualReplies {
		if !sameReply(t, text) {
			t.Errorf("%s needs encoding/json", text)
		}
	}
	for _, text := range otherReplies {
		if sameReply(t, text) {
			t.Errorf("%s counts as usual", text)
		}
	}
}

// sameReply compares a reply that is read in the usual way with what
// encoding/json makes of it.
func sameReply(t *testing.T, text string) (usual bool) {
	t.Helper()
	got, usual := vaultkeys.ReadUsual([]byte(text))
	if !usual {
		return false
	}
	want := vaultkeys.EmptyReply()
	if err := json.Unmarshal([]byte(text), want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q: %+v, encoding/json: %+v, %v", text, got, want, err)
	}
	return true
}

func FuzzReadUsual(f *testing.F) {
	for _, text := range append(usualReplies, otherReplies...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { sameReply(t, text) })
}

func BenchmarkReadReply(b *testing.B) {
	text := []byte(`{"batch_results":[` + strings.Repeat(usualItem+`,`, 127) + usualItem + `]}`)
	for name, read := range map[string]func() error{
		"usual": func() error {
			if _, ok := vaultkeys.ReadUsual(text); !ok {
				return fmt.Errorf("not usual")
			}
			return nil
		},
		"json": func() error { return json.Unmarshal(text, vaultkeys.EmptyReply()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
