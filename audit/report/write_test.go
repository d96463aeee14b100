package report_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample has something of everything.
func sample() *report.Report {
	j := newJournal(report.Config{Rings: []report.Ring{ring}, Shown: 3})
	j.add(begin, audit.Record{Event: audit.EventStart})
	for i, client := range []string{"=1+1", "orders", "<script>alert(1)</script>", "a,\"b\"\n", "\u202eevil", "orders"} {
		j.issue(begin.Add(time.Duration(i)*hour/2), token(client))
	}
	j.add(begin.Add(hour), audit.Record{Event: audit.EventRefresh, Kind: "reuse", SID: "s", ClientID: "login"})
	j.add(begin.Add(hour), audit.Record{Event: audit.EventRevoked, ClientID: "login", Subject: "user:a", Count: 2})
	k := &vaultKey{j, report.KeyState{Latest: 1, MinDecryption: 1, Created: map[int]time.Time{1: begin.Add(-90 * day)}}}
	k.rotate(begin.Add(hour))
	j.VaultLog(begin, begin.Add(3*hour))
	j.Break(report.Break{Replica: "signet-0", File: "records.jsonl", Line: 7, Problem: "3 records are missing"})
	j.Note("a note")
	return j.Report()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("other than %s:\n%s", path, got)
	}
}

func TestGoldenJSON(t *testing.T) {
	var out bytes.Buffer
	if err := sample().JSON(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.json", out.Bytes())
}

func TestGoldenCSV(t *testing.T) {
	var out bytes.Buffer
	if err := sample().CSV(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.csv", out.Bytes())
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, field := range row {
			if field != "" && bytes.ContainsRune([]byte("=+-@\t\r"), rune(field[0])) {
				t.Errorf("a spreadsheet computes %q", field)
			}
		}
	}
}

func TestBrokenChain(t *testing.T) {
	j := newJournal(report.Config{})
	j.issue(begin, token("a"))
	for range 150 {
		j.Break(report.Break{Replica: "signet-0", File: "f", Line: 1, Problem: "p"})
	}
	r := j.Report()
	if b := r.Coverage.Breaks; r.Summary.Chain != report.ChainBroken || b.Count != 150 || len(b.Listed) != 100 || r.Coverage.Replicas[0].Breaks != 150 {
		t.Errorf("%s, %d breaks, %d listed", r.Summary.Chain, b.Count, len(b.Listed))
	}
	if r := newJournal(report.Config{}).Report(); r.Summary.Chain != report.ChainNone {
		t.Errorf("without records the chain is %s", r.Summary.Chain)
	}
}
