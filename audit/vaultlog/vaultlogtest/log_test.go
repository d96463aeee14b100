package vaultlogtest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"signet/audit/vaultlog/vaultlogtest"
)

// recording is what was asked of a real Vault 1.21.2 and what it answered; its
// log lies beside it. The hashes are those of its sys/audit-hash, but for the
// empty text's, which that refuses: it is the error of every item that was signed.
type recording struct {
	EntityID string            `json:"entity_id"`
	Issued   time.Time         `json:"issued"`
	Hashes   map[string]string `json:"hashes"`
	Cases    []recorded        `json:"cases"`
}

type recorded struct {
	Name    string            `json:"name"`
	Mount   string            `json:"mount"`
	Verb    string            `json:"verb"`
	Key     string            `json:"key"`
	Rest    string            `json:"rest"`
	Version int               `json:"version"`
	Params  map[string]string `json:"params"`
	Single  bool              `json:"single"`
	Items   []struct {
		Input     string `json:"input"`
		Reference string `json:"reference"`
	} `json:"items"`
	Results []struct {
		Signature string `json:"signature"`
		HMAC      string `json:"hmac"`
		Error     string `json:"error"`
	} `json:"results"`
	Errors []string `json:"errors"`
}

// given is what only the real line can tell: when, and on which connection.
type given struct {
	Time    time.Time `json:"time"`
	Error   string    `json:"error"`
	Request struct {
		ID            string `json:"id"`
		RemotePort    int    `json:"remote_port"`
		MountAccessor string `json:"mount_accessor"`
	} `json:"request"`
}

func TestLinesAreVaults(t *testing.T) {
	var rec recording
	decode(t, read(t, "testdata/vault-1.21.2.json"), &rec)
	lines := bytes.SplitAfter(read(t, "testdata/vault-1.21.2.log"), []byte("\n"))
	if len(rec.Cases) < 20 {
		t.Fatalf("%d cases", len(rec.Cases))
	}
	for i := range rec.Cases {
		c := &rec.Cases[i]
		t.Run(c.Mount+" "+c.Name, func(t *testing.T) {
			var request, response given
			decode(t, lines[2*i], &request)
			decode(t, lines[2*i+1], &response)
			var got bytes.Buffer
			log := vaultlogtest.New(&got, config(t, &rec, c, &request))
			if err := log.Write(batch(c, &request, &response)); err != nil {
				t.Fatal(err)
			}
			want := string(lines[2*i]) + string(lines[2*i+1])
			if got.String() != want {
				t.Errorf("the line differs\ngot  %s\nwant %s", got.String(), want)
			}
		})
	}
}

func config(t *testing.T, rec *recording, c *recorded, request *given) vaultlogtest.Config {
	cfg := vaultlogtest.Config{
		Mount: c.Mount, RemotePort: request.Request.RemotePort, MountAccessor: request.Request.MountAccessor,
		Auth: vaultlogtest.Auth{EntityID: rec.EntityID, Issued: rec.Issued},
		Hash: func(value string) string {
			h, ok := rec.Hashes[value]
			if !ok {
				t.Errorf("no hash of %q was recorded", value)
			}
			return h
		},
	}
	if c.Mount == "clear" {
		cfg.Clear = []string{"input", "reference", "key_version"}
	}
	return cfg
}

func batch(c *recorded, request, response *given) vaultlogtest.Batch {
	b := vaultlogtest.Batch{
		Time: request.Time, Took: response.Time.Sub(request.Time), ID: request.Request.ID,
		Verb: c.Verb, Key: c.Key, Hash: strings.TrimPrefix(c.Rest, "/"), Version: c.Version, Params: c.Params,
		Single: c.Single, Error: response.Error, Refused: strings.Join(c.Errors, ""),
	}
	for i, it := range c.Items {
		one := vaultlogtest.Item{Input: it.Input, Reference: it.Reference}
		if i < len(c.Results) {
			one.Signature, one.Error = c.Results[i].Signature+c.Results[i].HMAC, c.Results[i].Error
		}
		b.Items = append(b.Items, one)
	}
	return b
}

// TestDefaults: what tests take when they do not care.
func TestDefaults(t *testing.T) {
	var got bytes.Buffer
	log := vaultlogtest.New(&got, vaultlogtest.Config{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := log.Write(vaultlogtest.Batch{Time: at, Key: "k", Version: 2, Items: []vaultlogtest.Item{{Input: "aQ==", Reference: "j"}}}); err != nil {
		t.Fatal(err)
	}
	if err := log.Request(vaultlogtest.Request{Time: at, Path: "sys/mounts/transit/tune", Lost: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got.String(), "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines", len(lines))
	}
	for i, want := range []string{`"time":"2026-03-01T12:00:00Z","type":"request"}`, `"time":"2026-03-01T12:00:00.001Z","type":"response"}`, `"mount_type":"system"`} {
		if !json.Valid([]byte(lines[i])) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d: %s", i, lines[i])
		}
	}
	if h := log.Hash("j"); len(h) != 76 || !strings.Contains(lines[1], h) {
		t.Errorf("hash %s", h)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decode(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
