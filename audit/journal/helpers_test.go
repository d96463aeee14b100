package journal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/journal"
	"signet/audit/schematest"
	"signet/signer"
)

// bench is a journal with a clock of its own.
type bench struct {
	*journal.Journal

	t    *testing.T
	path string

	mu  sync.Mutex
	now time.Time
}

func newBench(t *testing.T, change func(*journal.Config)) *bench {
	t.Helper()
	b := &bench{t: t, path: filepath.Join(t.TempDir(), "records.jsonl"), now: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
	b.open(change)
	return b
}

func (b *bench) open(change func(*journal.Config)) {
	b.t.Helper()
	cfg := journal.Config{Replica: "r1", Build: "test", File: b.path, Now: b.clock, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	j, err := journal.Open(cfg)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Journal = j
	b.t.Cleanup(func() { _ = j.Close() })
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// second lets one pass.
func (b *bench) second() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(time.Second)
}

const kid = "ncHHZb4u-dU2fm0oi4ITH2oU5057bLqP4yvIsOiXdag"

// batch are declarations of tokens with these ids; "" is a canary.
func batch(ids ...string) []signer.Declaration {
	all := make([]signer.Declaration, len(ids))
	for i, id := range ids {
		req := &signer.Request{
			Key:   signer.Key{Ring: "ring", Version: 3, Algorithm: signer.ES256, KID: kid},
			Input: []byte("header.payload"), Reference: id,
		}
		if id != "" {
			req.Claims = &signer.Claims{
				ID: id, ClientID: "orders", Subject: "user:alice", Audience: []string{"https://a"}, Scope: "read", SessionID: "0123456789012345678901",
				IssuedAt: time.Unix(1000, 0), Expiry: time.Unix(1300, 0), Custom: map[string]json.RawMessage{"tenant": []byte(`"blue"`)},
			}
			req.Origin = signer.Origin{Grant: "refresh_token", Auth: "client_secret_basic", Remote: "10.0.0.1", TraceID: "trace", Generation: 7}
		}
		all[i] = signer.Declaration{Request: req, Sent: []byte("digest of " + id), Reference: id}
	}
	return all
}

// read are the records of a file; the chain must hold.
func read(t *testing.T, path string) []audit.Record {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data)
}

func parse(t *testing.T, data []byte) []audit.Record {
	t.Helper()
	if len(data) > 0 && data[len(data)-1] != '\n' {
		t.Fatal("the last line has no end")
	}
	if !bytes.Contains(data, []byte(`{"v":1,"se`+"\n")) && !bytes.Contains(data, []byte(`"seq":`+"\n")) { // no torn ones
		schematest.Check(t, data)
	}
	var all []audit.Record
	prev := ""
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		var r audit.Record
		if err := json.Unmarshal(line, &r); err != nil {
			if strings.HasPrefix(string(line), `{"v":`) && len(all) > 0 {
				continue // torn; the next record says so
			}
			t.Fatalf("%q: %v", line, err)
		}
		if len(all) > 0 && (r.Prev != prev || r.Seq != all[len(all)-1].Seq+1) {
			t.Fatalf("record %d (%s): prev %s, the record before is %s", r.Seq, r.Event, r.Prev, prev)
		}
		prev = audit.Hash(sha256.Sum256(line)).String()
		all = append(all, r)
	}
	return all
}

func events(all []audit.Record) string {
	names := make([]string, len(all))
	for i := range all {
		names[i] = string(all[i].Event)
	}
	return strings.Join(names, " ")
}

// valve is a writer that takes so many bytes and no more.
type valve struct {
	mu    sync.Mutex
	room  int
	taken bytes.Buffer
}

func (v *valve) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := min(v.room, len(b))
	v.room -= n
	v.taken.Write(b[:n])
	if n < len(b) {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (v *valve) open(room int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.room = room
}

func (v *valve) bytes() []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	return bytes.Clone(v.taken.Bytes())
}
