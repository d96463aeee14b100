package vaultapi_test

import (
	"encoding/json"
	"testing"

	"signet/vaultkeys/vaultapi"
)

const (
	usualBegin = `{"request_id":"78d99faf-5b00-d0d5-5faf-ad8425ae7ee8","lease_id":"","renewable":false,"lease_duration":0,"data":`
	usualEnd   = `,"wrap_info":null,"warnings":null,"auth":null`
)

func TestUsualAnswer(t *testing.T) {
	for body, want := range map[string]string{
		usualBegin + `{"a":1}` + usualEnd + `,"mount_type":"transit"}` + "\n": `{"a":1}`,
		usualBegin + `{"a":1}` + usualEnd + `}` + "\n":                        `{"a":1}`, // Vault before 1.17
		usualBegin + `{"a":1}` + usualEnd + `}`:                               `{"a":1}`,
		usualBegin + `{"a":1},"wrap_info":null,"warnings":["w"],"auth":null}`: "",
		usualBegin + `{"a":1}` + usualEnd + `,"mount_type":"kv"}`:             "",
		`{"request_id":"78d99faf","data":{"a":1}}`:                            "",
		`{"data":{"a":1}}`: "",
		`{"request_id":"78d99faf-5b00-d0d5-5faf-ad8425ae7e\n8","lease_id":"","renewable":false,"lease_duration":0,"data":1` + usualEnd + `}`: "",
		"": "",
	} {
		_, data, ok := vaultapi.UsualAnswer([]byte(body))
		if string(data) != want && ok || ok != (want != "") {
			t.Errorf("%s: %s, %t, want %s", body, data, ok, want)
		}
	}
}

// FuzzUsualAnswer: what counts as usual is what encoding/json reads of it, if the
// data is one JSON value, which its reader has to know.
func FuzzUsualAnswer(f *testing.F) {
	f.Add([]byte(usualBegin + `{"a":1}` + usualEnd + `,"mount_type":"transit"}` + "\n"))
	f.Add([]byte(usualBegin + `"x"` + usualEnd + `}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		id, data, ok := vaultapi.UsualAnswer(body)
		if !ok || !json.Valid(data) {
			return
		}
		var want struct {
			RequestID string          `json:"request_id"`
			Data      json.RawMessage `json:"data"`
			Warnings  []string        `json:"warnings"`
			Auth      any             `json:"auth"`
		}
		if err := json.Unmarshal(body, &want); err != nil || want.RequestID != string(id) || want.Warnings != nil || want.Auth != nil {
			t.Fatalf("%q: %v, %+v", body, err, want)
		}
		// Blanks around a value are not the value's.
		if got, _ := json.Marshal(json.RawMessage(data)); string(mustCompact(t, want.Data)) != string(got) {
			t.Fatalf("%q: data %q, encoding/json: %q", body, got, want.Data)
		}
	})
}

func mustCompact(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	b, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
