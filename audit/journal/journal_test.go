package journal_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"signet/audit"
	"signet/audit/journal"
	"signet/signer"
)

func TestDeclaration(t *testing.T) {
	b := newBench(t, nil)
	declared := batch("jti-1", "", "jti-2")
	id, err := b.Declare(declared)
	if err != nil {
		t.Fatal(err)
	}
	b.Outcome(id, "req-1", []signer.Outcome{signer.Issued, signer.Issued, signer.Discarded})
	all := read(t, b.path)
	if got := events(all); got != "start token canary token batch" {
		t.Fatal(got)
	}
	token := all[1]
	want := audit.Record{
		V: 1, Seq: 2, Time: b.now, Replica: "r1", Event: audit.EventToken, Batch: 2, JTI: "jti-1", Grant: "refresh_token", SID: "0123456789012345678901",
		Generation: 7, ClientID: "orders", Auth: "client_secret_basic", Subject: "user:alice", Audience: []string{"https://a"},
		Scope: "read", IssuedAt: 1000, Expiry: 1300, Ring: "ring", KID: kid, KeyVersion: 3,
		Input: base64.StdEncoding.EncodeToString([]byte("digest of jti-1")), Remote: "10.0.0.1", TraceID: "trace", Prev: token.Prev,
	}
	if !reflect.DeepEqual(token, want) {
		t.Errorf("got  %+v\nwant %+v", token, want)
	}
	if canary := all[2]; declared[1].Reference != canary.Prev || canary.JTI != "" || canary.Batch != 2 || canary.KeyVersion != 3 {
		t.Errorf("the canary's reference is %q, its record %+v", declared[1].Reference, canary)
	}
	if declared[0].Reference != "jti-1" || declared[2].Reference != "jti-2" {
		t.Error("a token's reference is its jti")
	}
	outcome := all[4]
	if outcome.Batch != 2 || outcome.Items != 3 || outcome.RequestID != "req-1" || outcome.Outcome != "" ||
		!reflect.DeepEqual(outcome.Outcomes, []audit.Outcome{"issued", "issued", "discarded"}) {
		t.Errorf("outcome %+v", outcome)
	}
	if text, _ := os.ReadFile(b.path); strings.Contains(string(text), "blue") {
		t.Error("custom claims are nobody's business here")
	}
}

// TestChainGoesOn: over restarts, with and without an orderly end, after torn
// records, and when a whole record lacks its newline.
func TestChainGoesOn(t *testing.T) {
	for name, test := range map[string]struct {
		tamper func(string) string
		torn   int
	}{
		"in order":           {func(s string) string { return s }, 0},
		"no stop record":     {func(s string) string { return s[:strings.LastIndex(strings.TrimSuffix(s, "\n"), "\n")+1] }, 0},
		"no newline":         {func(s string) string { return strings.TrimSuffix(s, "\n") }, 0},
		"half a record":      {func(s string) string { return s + `{"v":1,"seq":` }, 13},
		"half, twice":        {func(s string) string { return s + `{"v":1,"se` + "\n" + `{"v":1` }, 6},
		"half, then newline": {func(s string) string { return s + `{"v":1,"se` + "\n" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			if _, err := b.Declare(batch("a")); err != nil {
				t.Fatal(err)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(b.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(b.path, []byte(test.tamper(string(text))), 0o600); err != nil {
				t.Fatal(err)
			}
			b.open(nil)
			all := read(t, b.path)
			last := all[len(all)-1]
			if last.Event != audit.EventStart || last.Prev == "" || last.Torn != test.torn {
				t.Errorf("last record %+v", last)
			}
			head, seq := b.Head()
			if seq != last.Seq || head == (audit.Hash{}) {
				t.Errorf("head %s, record %d", head, seq)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	b := newBench(t, nil)
	dir := t.TempDir()
	foreign := dir + "/foreign"
	if err := os.WriteFile(foreign, []byte("root:x:0:0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := dir + "/short"
	if err := os.WriteFile(short, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  journal.Config
		want string
	}{
		"no replica":    {journal.Config{File: dir + "/x"}, "needs a name"},
		"nowhere":       {journal.Config{Replica: "r"}, "standard output"},
		"fsync":         {journal.Config{Replica: "r", File: dir + "/x", Fsync: "often"}, "always, everysec or no"},
		"locked":        {journal.Config{Replica: "r", File: b.path, Patience: time.Millisecond}, "another process"},
		"foreign":       {journal.Config{Replica: "r", File: foreign}, "does not end in an issuance record"},
		"short foreign": {journal.Config{Replica: "r", File: short}, "does not end in an issuance record"},
		"directory":     {journal.Config{Replica: "r", File: dir}, "is a directory"},
		"no directory":  {journal.Config{Replica: "r", File: dir + "/none/x"}, "no such file"},
		"device":        {journal.Config{Replica: "r", File: "/dev/null"}, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := journal.Open(test.cfg)
			if err == nil {
				_ = j.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if text, err := os.ReadFile(foreign); err != nil || string(text) != "root:x:0:0\n" {
		t.Errorf("a file that is not ours was changed: %q, %v", text, err)
	}
}

// TestCannotBeWritten: at every number of bytes that still fit, nothing may be
// signed, the chain in what was written is whole once the rest fits, and each
// batch that is in it has an outcome.
func TestCannotBeWritten(t *testing.T) {
	for room := 0; room < 2000; room += 7 {
		v := &valve{room: 1 << 20}
		b := newBench(t, func(c *journal.Config) { c.File, c.Stdout = "", v })
		first, err := b.Declare(batch("a"))
		if err != nil {
			t.Fatal(err)
		}
		v.open(room)
		refused := 0
		for range 4 {
			id, err := b.Declare(batch("b", "", "c"))
			switch {
			case err == nil:
				b.Outcome(id, "req", []signer.Outcome{signer.Issued, signer.Issued, signer.Issued})
			case errors.Is(err, journal.ErrNotWritten):
				refused++
			default:
				t.Fatal(err)
			}
		}
		if refused == 0 {
			t.Fatalf("%d bytes took everything", room)
		}
		b.Outcome(first, "req", []signer.Outcome{signer.Issued})
		v.open(1 << 20)
		b.Tick()
		if _, err := b.Declare(batch("d")); err != nil {
			t.Fatalf("%d bytes: it does not recover: %v", room, err)
		}
		all := parse(t, v.bytes())
		outcomes := map[uint64]audit.Outcome{}
		for i := range all {
			if all[i].Event == audit.EventBatch {
				outcomes[all[i].Batch] = all[i].Outcome
			}
		}
		for i := range all[:len(all)-1] {
			if r := &all[i]; r.Event == audit.EventToken && outcomes[r.Batch] == "" {
				t.Fatalf("%d bytes: record %d has no outcome in %s", room, r.Seq, events(all))
			}
		}
		if outcomes[first] != audit.OutcomeIssued {
			t.Fatalf("%d bytes: the outcome of what was signed before is %q", room, outcomes[first])
		}
	}
}

// TestTwoSinks: the one that fell behind gets all that the other has, once it can.
func TestTwoSinks(t *testing.T) {
	v := &valve{room: 300}
	b := newBench(t, func(c *journal.Config) { c.Stdout = v })
	for i := range 3 {
		if _, err := b.Declare(batch(fmt.Sprint(i))); err == nil {
			t.Fatal("declared although standard output is blocked")
		}
	}
	v.open(1 << 20)
	if _, err := b.Declare(batch("now")); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(v.bytes()) {
		t.Errorf("the file has %s, standard output %s", events(parse(t, file)), events(parse(t, v.bytes())))
	}
}

func TestLostRecordsAreCounted(t *testing.T) {
	v := &valve{room: 1 << 20}
	registry := prometheus.NewRegistry()
	b := newBench(t, func(c *journal.Config) { c.File, c.Stdout, c.Registerer = "", v, registry })
	v.open(0)
	for range 1500 {
		b.Note(audit.Record{Event: audit.EventRevoked, Kind: "session", ClientID: "c", SID: "0123456789012345678901"})
	}
	v.open(1 << 24)
	b.Tick()
	all := parse(t, v.bytes())
	last := all[len(all)-1]
	if last.Event != audit.EventLost || last.Count+len(all)-2 != 1500 {
		t.Errorf("%d records, the last one %+v", len(all), last)
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(fmt.Sprintf(
		"# HELP signet_audit_records_lost_total Records given up because none could be written for long; never those of signatures.\n"+
			"# TYPE signet_audit_records_lost_total counter\nsignet_audit_records_lost_total %d\n", last.Count)), "signet_audit_records_lost_total"); err != nil {
		t.Error(err)
	}
}

// TestFloods: whoever makes authentications fail does not fill the disk.
func TestFloods(t *testing.T) {
	b := newBench(t, nil)
	for range 10_000 {
		b.Note(audit.Record{Event: audit.EventAuthenticationFailed, ClientID: "x", Endpoint: "/oauth2/token", Code: "invalid_client"})
	}
	b.second()
	b.Tick()
	all := read(t, b.path)
	sum, single := 0, 0
	for i := range all {
		switch r := &all[i]; {
		case r.Event != audit.EventAuthenticationFailed:
		case r.Count > 0:
			sum += r.Count
		default:
			single++
		}
	}
	if single != 100 || sum != 9900 {
		t.Errorf("%d records of their own, %d summed up", single, sum)
	}
}

func TestFileIsFollowed(t *testing.T) {
	for name, act := range map[string]func(*bench){
		"SIGHUP": func(b *bench) {
			b.Reopen()
		},
		"a second later": func(b *bench) { b.second() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			declare := func(id string) {
				if _, err := b.Declare(batch(id)); err != nil {
					t.Fatal(err)
				}
			}
			declare("before")
			if err := os.Rename(b.path, b.path+".1"); err != nil {
				t.Fatal(err)
			}
			act(b)
			declare("after")
			old, err := os.ReadFile(b.path + ".1")
			if err != nil {
				t.Fatal(err)
			}
			next, err := os.ReadFile(b.path)
			if err != nil {
				t.Fatal(err)
			}
			if got := events(parse(t, append(old, next...))); got != "start token token" || !strings.Contains(string(next), "after") {
				t.Errorf("%s, in the new file %q", got, next)
			}
			if info, err := os.Stat(b.path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the new file: %v, %v", info.Mode(), err)
			}
		})
	}
}

// TestDirectoryGone: what has no name any more is no record.
func TestDirectoryGone(t *testing.T) {
	b := newBench(t, nil)
	dir := t.TempDir() + "/sub"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.path = dir + "/records.jsonl"
	b.open(nil)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	b.second()
	if _, err := b.Declare(batch("a")); !errors.Is(err, journal.ErrNotWritten) {
		t.Errorf("error %v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.second()
	if _, err := b.Declare(batch("b")); err != nil {
		t.Errorf("it does not recover: %v", err)
	}
}

// TestLockOfTheKilled: the next process waits for the lock of one that is ending.
func TestLockOfTheKilled(t *testing.T) {
	b := newBench(t, nil)
	opened := make(chan error)
	go func() {
		j, err := journal.Open(journal.Config{Replica: "r1", File: b.path})
		if err == nil {
			err = j.Close()
		}
		opened <- err
	}()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestConcurrentDeclarations(t *testing.T) {
	for _, fsync := range []journal.Fsync{journal.Always, journal.EverySecond, journal.Never} {
		t.Run(string(fsync), func(t *testing.T) {
			b := newBench(t, func(c *journal.Config) { c.Fsync = fsync })
			var group sync.WaitGroup
			for w := range 8 {
				group.Go(func() {
					for i := range 50 {
						id, err := b.Declare(batch(fmt.Sprint(w, "-", i), ""))
						if err != nil {
							t.Error(err)
							return
						}
						b.Outcome(id, "req", []signer.Outcome{signer.Issued, signer.Unknown})
						if i%10 == 0 {
							b.Tick()
							b.Note(audit.Record{Event: audit.EventRevoked, Kind: "session", ClientID: "c", SID: "0123456789012345678901"})
						}
						if i == 25 {
							b.Reopen()
						}
					}
				})
			}
			group.Wait()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			all := read(t, b.path)
			if len(all) != 1+8*50*3+8*5+1 || all[len(all)-1].Event != audit.EventStop {
				t.Errorf("%d records", len(all))
			}
		})
	}
}

func TestClosedTakesNothing(t *testing.T) {
	b := newBench(t, nil)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Declare(batch("a")); err == nil {
		t.Error("declared after the end")
	}
}

// stuck is a writer that does not come back until it is let go.
type stuck struct {
	valve

	hold chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.hold
	return s.valve.Write(b)
}

// TestStuck: a write that does not come back fails the declaration after a while,
// holds up no note, and its bytes are written once, whole, when it does come back.
func TestStuck(t *testing.T) {
	s := &stuck{valve: valve{room: 1 << 20}, hold: make(chan struct{}, 100)}
	s.hold <- struct{}{}
	b := newBench(t, func(c *journal.Config) { c.File, c.Stdout, c.Patience = "", s, 10*time.Millisecond })
	for range 3 {
		if _, err := b.Declare(batch("a")); !errors.Is(err, journal.ErrNotWritten) {
			t.Fatalf("error %v", err)
		}
		b.Note(audit.Record{Event: audit.EventRevoked, Kind: "session", ClientID: "c", SID: "0123456789012345678901"})
	}
	close(s.hold)
	for {
		b.Tick()
		if _, err := b.Declare(batch("b")); err == nil {
			break
		}
	}
	if got := events(parse(t, s.bytes())); got != "start token batch revoked revoked revoked token" {
		t.Error(got)
	}
}

func BenchmarkDeclare(b *testing.B) {
	for _, n := range []int{1, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			j, err := journal.Open(journal.Config{Replica: "r", File: b.TempDir() + "/records", Fsync: journal.EverySecond})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = j.Close() }()
			ids := make([]string, n)
			outcomes := make([]signer.Outcome, n)
			for i := range ids {
				ids[i] = fmt.Sprintf("jti-%d", i)
			}
			declared := batch(ids...)
			b.ReportAllocs()
			for b.Loop() {
				id, err := j.Declare(declared)
				if err != nil {
					b.Fatal(err)
				}
				j.Outcome(id, "3b14ea54-e7a3-c71a-5b42-3b08597450a1", outcomes)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/token")
		})
	}
}
