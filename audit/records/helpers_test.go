package records_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/records"
)

// chain writes the records of one replica as a journal does.
type chain struct {
	replica string
	seq     uint64
	head    audit.Hash
	begun   bool
	at      time.Time
	lines   []string
}

func newChain(replica string) *chain {
	return &chain{replica: replica, at: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)}
}

func (c *chain) add(r audit.Record) string {
	c.seq++
	c.at = c.at.Add(time.Second)
	r.V, r.Seq, r.Time, r.Replica, r.Prev = audit.Version, c.seq, c.at, c.replica, ""
	if c.begun {
		r.Prev = c.head.String()
	}
	line := string(r.Append(nil))
	c.head, c.begun = sha256.Sum256([]byte(line)), true
	c.lines = append(c.lines, line)
	return line
}

func (c *chain) start(torn int) *chain {
	c.add(audit.Record{Event: audit.EventStart, Build: "test", Torn: torn})
	return c
}

// tokens adds n batches of one token.
func (c *chain) tokens(n int) *chain {
	for range n {
		first := c.seq + 1
		c.add(audit.Record{
			Event: audit.EventToken, Batch: first, JTI: fmt.Sprint("jti-", first), ClientID: "orders", Subject: "user:zoë", Ring: "signet-es256",
			KeyVersion: 1, Input: "aW5wdXQ=", Audience: []string{"https://a.example", "https://b.example"}, Expiry: 1795780000,
		})
		c.add(audit.Record{Event: audit.EventBatch, Batch: first, Items: 1, Outcome: audit.OutcomeIssued, RequestID: "id"})
	}
	return c
}

// anew is the replica's next process, that has no file to go on with.
func (c *chain) anew() *chain {
	c.seq, c.begun = 0, false
	return c
}

func text(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

func gz(t *testing.T, texts ...string) string {
	t.Helper()
	var b bytes.Buffer
	for _, s := range texts { // several members, as from cat a.gz b.gz
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// result is what a reading found.
type result struct {
	seqs     []string
	problems []string
	summary  *records.Summary
}

// readTexts reads files of these contents.
func readTexts(t *testing.T, contents ...string) result {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, c := range contents {
		path := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	var out result
	var err error
	out.summary, err = records.Read(context.Background(), records.Config{Paths: paths, Problem: func(p records.Problem) error {
		out.problems = append(out.problems, fmt.Sprintf("%s %c:%d %s/%d: %s", p.Kind, rune('a'+p.Place.File), p.Place.Line, p.Replica, p.Seq, p.What))
		return nil
	}}, func(r *records.Record) error {
		out.seqs = append(out.seqs, fmt.Sprintf("%s%d", r.Replica, r.Seq))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
