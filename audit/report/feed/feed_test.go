package feed_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/audit"
	"signet/audit/records"
	"signet/audit/report"
	"signet/audit/report/feed"
	"signet/audit/vaultlog"
	"signet/vaultkeys/lifecycle"
)

var begin = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)

// lines are the records as a journal writes them, each with the hash of the one
// before.
func lines(all ...audit.Record) []byte {
	var out []byte
	prev := ""
	for i, r := range all {
		r.V, r.Seq, r.Replica, r.Prev = audit.Version, uint64(i+1), "signet-0", prev
		if r.Time.IsZero() {
			r.Time = begin.Add(time.Duration(i) * time.Second)
		}
		line := r.Append(nil)
		prev = audit.Hash(sha256.Sum256(line)).String()
		out = append(append(out, line...), '\n')
	}
	return out
}

func token(client string, batch uint64) audit.Record {
	return audit.Record{
		Event: audit.EventToken, Batch: batch, JTI: client, Grant: "client_credentials", ClientID: client, Auth: "client_secret_basic",
		Audience: []string{"https://a.example", "b"}, Ring: "signet-es256", KID: "k", KeyVersion: 2, Input: "aW5wdXQ=",
	}
}

// history is a file of two batches and some events.
func history() []audit.Record {
	return []audit.Record{
		{Event: audit.EventStart, Build: "v1"},
		token("orders", 2), token("<script>", 2), token("orders", 2),
		{Event: audit.EventBatch, Batch: 2, Items: 3, Outcomes: []audit.Outcome{"issued", "unknown", "issued"}},
		token("billing", 6),
		{Event: audit.EventRefused, ClientID: "orders", Endpoint: "token", Code: "invalid_scope"},
		{Event: audit.EventBatch, Batch: 6, Items: 1, Outcome: "issued", RequestID: "r"},
		{Event: audit.EventRefresh, Kind: "reuse", SID: "s", ClientID: "login"},
	}
}

func write(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, paths ...string) *report.Report {
	t.Helper()
	c := report.New(report.Config{Now: begin})
	if err := feed.Records(t.Context(), records.Config{Paths: paths}, c); err != nil {
		t.Fatal(err)
	}
	return c.Report()
}

func TestRecords(t *testing.T) {
	all := lines(history()...)
	rows := bytes.SplitAfter(all, []byte{'\n'})
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(bytes.Join(rows[4:], nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, paths := range map[string][]string{
		"one file":                       {write(t, "a", all)},
		"a rotated set, the later first": {write(t, "b.gz", packed.Bytes()), write(t, "a", bytes.Join(rows[:4], nil))},
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, paths...)
			s := r.Summary
			if s.Tokens != 3 || s.Declared != 4 || s.Refused != 1 || s.Reuse != 1 || s.Chain != report.ChainIntact || s.NoOutcome != 0 {
				t.Errorf("%+v", s)
			}
			d := r.Dimension(report.TokensByClient)
			if d.Of("orders") != 2 || d.Of("billing") != 1 || d.Of("<script>") != 0 || r.Dimension(report.TokensByAudience).Of("b") != 3 {
				t.Errorf("%+v", r.Dimensions)
			}
		})
	}
}

func TestBrokenRecords(t *testing.T) {
	all := lines(history()...)
	rows := bytes.SplitAfter(all, []byte{'\n'})
	for name, c := range map[string]struct {
		content []byte
		line    int
	}{
		"one is missing":   {bytes.Join(slices.Delete(slices.Clone(rows), 6, 7), nil), 7},
		"one was changed":  {bytes.Replace(all, []byte("invalid_scope"), []byte("invalid_grant"), 1), 8},
		"one is no record": {append(bytes.Join(rows[:3], nil), append([]byte("{\"v\":1}\n"), bytes.Join(rows[3:], nil)...)...), 4},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "records.jsonl", c.content)
			r := read(t, path)
			b := r.Coverage.Breaks
			if r.Summary.Chain != report.ChainBroken || b.Count != 1 || b.Listed[0].Line != c.line || b.Listed[0].File != path || b.Listed[0].Problem == "" {
				t.Errorf("%s: %+v", r.Summary.Chain, b)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	all := lines(history()...)
	_, rest, _ := bytes.Cut(all, []byte{'\n'})
	r := read(t, write(t, "rest", rest))
	if r.Summary.Chain != report.ChainIntact || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "before number 2") {
		t.Errorf("%s, %q", r.Summary.Chain, r.Notes)
	}
	if err := feed.Records(t.Context(), records.Config{Paths: []string{"/nowhere/records"}}, report.New(report.Config{})); err == nil {
		t.Error("a missing file is no error")
	}
}

// TestVaultLog reads what a real Vault wrote when it was asked for everything
// that matters, hashed as it does it by itself.
func TestVaultLog(t *testing.T) {
	policy := lifecycle.Policy{PublishDelay: time.Hour, RotationPeriod: 24 * time.Hour}
	c := report.New(report.Config{Now: begin, Rings: []report.Ring{{Name: "signet-hs256", Policy: policy}}})
	o := vaultlog.Options{Files: []string{"testdata/vault-1.21.2.log"}, Interest: vaultlog.Interest{Keys: []string{"signet-es256", "signet-hs256"}}}
	if err := feed.VaultLog(t.Context(), o, c); err != nil {
		t.Fatal(err)
	}
	r := c.Report()
	var got []string
	for _, one := range r.Keys.Changes.Listed {
		got = append(got, fmt.Sprintf("%s %s: %s", one.Key, one.Kind, one.Detail))
		if one.DisplayName != "token" || one.RemoteAddress != "127.0.0.1" || one.RequestID == "" || one.Accessor == "" {
			t.Errorf("who asked is not told: %+v", one)
		}
	}
	want := []string{
		"signet-es256 created: ",
		"signet-es256 rotated: latest_version 2",
		"signet-es256 min_encryption_raised: min_encryption_version 0 to 2",
		"signet-es256 min_decryption_raised: min_decryption_version 1 to 2",
		"signet-es256 trimmed: min_available_version 2",
		"signet-es256 rotated: latest_version 3",
		"signet-es256 both_minimums_raised: min_encryption_version 2 to 3, min_decryption_version 2 to 3",
		"signet-es256 minimums_lowered: min_decryption_version 3 to 2",
		"signet-es256 configured: sets allow_plaintext_backup and exportable",
		"signet-es256 exported: ",
		"signet-es256 backed_up: ",
		"signet-es256 configured: sets deletion_allowed",
		"signet-es256 deleted: ",
		"signet-hs256 created: ",
		"signet-hs256 rotated: latest_version 2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if s := r.Summary; s.Rotations != 3 || s.Emergencies != 1 || s.Alarms != 6 {
		t.Errorf("%+v", s)
	}
	if v := r.Keys.Versions; len(v) != 2 || v[0].AgeSeconds == nil || v[0].Source != report.FromLog || v[0].Verdict != report.WithinLimits {
		t.Errorf("%+v", v)
	}
	if log := r.Coverage.VaultLog; log == nil || log.From.IsZero() || !log.From.Before(log.To) {
		t.Errorf("%+v", log)
	}
}

func TestVaultLogWithProblems(t *testing.T) {
	log, err := os.ReadFile("testdata/vault-1.21.2.log")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, "audit.log", append([]byte("no JSON\n"), log...))
	c := report.New(report.Config{Now: begin})
	if err := feed.VaultLog(t.Context(), vaultlog.Options{Files: []string{path}}, c); err != nil {
		t.Fatal(err)
	}
	if notes := c.Report().Notes; len(notes) != 1 || !strings.Contains(notes[0], "1 lines of Vault's audit log could not be read") || !strings.Contains(notes[0], path+":1") {
		t.Errorf("%q", notes)
	}
	if err := feed.VaultLog(t.Context(), vaultlog.Options{Files: []string{"/nowhere/audit.log"}}, c); err == nil {
		t.Error("a missing file is no error")
	}
}

// TestCreationTimes: Vault's log shows them even where it hashes all texts.
func TestCreationTimes(t *testing.T) {
	log, err := os.ReadFile("testdata/vault-1.21.2.log")
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := bytes.Cut(log, []byte(`/trim"`))
	log = before[:bytes.LastIndexByte(before, '\n')+1]
	c := report.New(report.Config{Now: begin, Rings: []report.Ring{{Name: "signet-es256", Policy: lifecycle.Policy{RotationPeriod: time.Hour}}}})
	if err := feed.VaultLog(t.Context(), vaultlog.Options{Files: []string{write(t, "audit.log", log)}}, c); err != nil {
		t.Fatal(err)
	}
	v := c.Report().Keys.Versions
	if len(v) != 1 || v[0].Version != 2 || v[0].State != lifecycle.Active || v[0].CreatedAt.Format(time.RFC3339Nano) != "2026-11-27T22:39:55.65895Z" {
		t.Errorf("%+v", v)
	}
}
