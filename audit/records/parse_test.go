package records_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/audit"
	"signet/audit/records"
)

// sameBothWays compares what Read makes of a line, after another one, with what
// encoding/json does.
func sameBothWays(t fataler, before, line []byte) (fast bool) {
	t.Helper()
	got, want, fast, errGot, errWant := records.ParseBoth(before, line)
	if (errGot == nil) != (errWant == nil) || errGot != nil && errGot.Error() != errWant.Error() {
		t.Fatalf("%q: error %v, encoding/json: %v", line, errGot, errWant)
	}
	if errGot != nil {
		return fast
	}
	if g, w := shown(&got), shown(&want); g != w {
		t.Fatalf("%q:\n%s, encoding/json:\n%s", line, g, w)
	}
	return fast
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func shown(r *records.Record) string {
	var outcomes []audit.Outcome
	for i := range 5 {
		outcomes = append(outcomes, r.OutcomeOf(i))
	}
	return fmt.Sprintf("%d %d %s %d %d %d %q %q %q %q %q %q %q %q %q %q", r.Seq, r.Batch, r.Time.Format(time.RFC3339Nano), r.KeyVersion, r.Items, r.Torn,
		r.Replica, r.JTI, r.ClientID, r.Ring, r.Input, r.RequestID, r.Event, r.Outcome, r.Prev, outcomes)
}

// everything has each member.
func everything() audit.Record {
	return audit.Record{
		V: 1, Seq: 12, Time: time.Date(2028, 2, 29, 23, 59, 59, 123456000, time.UTC), Replica: "r", Event: audit.EventToken, Batch: 11, JTI: "j", Grant: "issue",
		SID: "s", Generation: 4294967295, ClientID: "c", Auth: "basic", Subject: "zoë", Audience: []string{"a", "b"}, Scope: "x y", IssuedAt: 1, Expiry: 1795780000,
		Ring: "ring", KID: "k", KeyVersion: 3, Input: "aW4=", Remote: "::1", TraceID: "t", RequestID: "id", Items: 5, Outcome: audit.OutcomeIssued,
		Outcomes: []audit.Outcome{audit.OutcomeIssued, audit.OutcomeDiscarded}, Kind: "kind", Endpoint: "e", Code: "c", Reason: "r", Owner: "o",
		Presented: 7, Count: 8, Digest: "d", Build: "b", Torn: 9, Prev: strings.Repeat("A", 43),
	}
}

func TestEveryMemberIsReadByHand(t *testing.T) {
	r := everything()
	r.Generation = 7
	for range 2 {
		if line := r.Append(nil); !sameBothWays(t, line, line) {
			t.Errorf("%s: needs encoding/json", line)
		}
		r.Prev = ""
	}
}

// TestAfterAnotherLine: what is the same in two lines, and what only begins the
// same, is read as if there were no line before, and as fast.
func TestAfterAnotherLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := func(name string) []byte {
			r := everything()
			r.Generation = 0
			for i, to := range texts(&r) {
				*to = rapid.SampledFrom([]string{"a", "a", "a", "", "ab", "ä", `a"`, `a\b`, "\xff"}).Draw(t, fmt.Sprint(name, i))
			}
			r.Seq = uint64(len(r.Replica + r.JTI))
			numbers := rapid.SampledFrom([]int64{1, 1, 1, 0, 12})
			r.IssuedAt, r.KeyVersion, r.Generation = numbers.Draw(t, name+"iat"), int(numbers.Draw(t, name+"version")), uint32(numbers.Draw(t, name+"generation"))
			r.Audience = rapid.SampledFrom([][]string{{"a"}, {"a"}, nil, {"a", "b"}}).Draw(t, name+"aud")
			if rapid.Bool().Draw(t, name+"is an outcome") {
				r = audit.Record{V: 1, Seq: r.Seq, Time: r.Time, Replica: r.Replica, Event: audit.EventBatch, Batch: 1, Outcome: audit.OutcomeIssued}
			}
			return r.Append(nil)
		}
		before, after := line("before"), line("line")
		if sameBothWays(t, before, after) != sameBothWays(t, nil, after) {
			t.Fatalf("after %s\nit makes a difference to %s", before, after)
		}
	})
}

// TestAfterTheSameLine: what needs a closer look needs it again and again.
func TestAfterTheSameLine(t *testing.T) {
	for _, value := range []string{`a\b`, `a"`, "ä", "a\tb"} {
		for i := range texts(&audit.Record{}) {
			r := everything()
			r.Generation = 7
			*texts(&r)[i] = value
			line := r.Append(nil)
			sameBothWays(t, line, line)
			line = bytes.ReplaceAll(line, []byte("ä"), []byte("\xff"))
			sameBothWays(t, line, line)
		}
	}
}

// texts are the members of a declaration that are texts.
func texts(r *audit.Record) []*string {
	return []*string{
		&r.Replica, (*string)(&r.Event), &r.JTI, &r.Grant, &r.SID, &r.ClientID, &r.Auth, &r.Subject, &r.Scope, &r.Ring, &r.KID, &r.Input, &r.Remote,
	}
}

var odd = []string{
	``, `{`, `{}`, `null`, `[]`, `"x"`, `{"v":1}`, `{"v":1,}`, `{"v":1}x`,
	`{"v":1,"seq":1,"time":"2026-02-30T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:60.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00+01:00","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":1,"time":"0000-01-01T00:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":01,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":18446744073709551615,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":18446744073709551616,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":-1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"SEQ":4,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":null}`,
	`{"v":1,"seq":1,"seq":2,"time":"2026-02-20T12:00:00.000000Z","replica":"a","replica":"b","event":"stop","prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"new","prev":null,"later":{"a":[1]}}`,
	`{ "v":1, "seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r\u0041","event":"stop","prev":null}`,
	"{\"v\":1,\"seq\":1,\"time\":\"2026-02-20T12:00:00.000000Z\",\"replica\":\"\xff\",\"event\":\"stop\",\"prev\":null}",
	"{\"v\":1,\"seq\":1,\"time\":\"2026-02-20T12:00:00.000000Z\",\"replica\":\"a\tb\",\"event\":\"stop\",\"prev\":null}",
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":"short"}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"stop","prev":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"batch","outcomes":["issued","odd"],"aud":[],"prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"batch","outcomes":["issued"],"aud":["a",1],"prev":null}`,
	`{"v":1,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":"token","iat":1.5,"generation":5000000000,"prev":null}`,
	`{"v":2,"seq":1,"time":"2026-02-20T12:00:00.000000Z","replica":"r","event":{"odd":1},"prev":null}`,
	`{"v":1,"seq":1,"time":null,"replica":"r","event":"stop","prev":null}`,
}

func FuzzParse(f *testing.F) {
	r := everything()
	whole := r.Append(nil)
	f.Add(whole, whole)
	for _, s := range odd {
		f.Add(whole, []byte(s))
	}
	f.Fuzz(func(t *testing.T, before, line []byte) {
		if !bytes.ContainsRune(line, '\n') {
			sameBothWays(t, before, line)
		}
	})
}

// FuzzRead: whatever a file holds, every line is accounted for.
func FuzzRead(f *testing.F) {
	c := newChain("r").start(0).tokens(2)
	f.Add([]byte(text(c.lines...)))
	f.Add([]byte(text(c.lines[2:]...) + "x\n\n" + c.lines[0][:20]))
	f.Fuzz(func(t *testing.T, b []byte) {
		problems := 0
		seen := 0
		s, err := records.Read(context.Background(), records.Config{Paths: []string{"-"}, Stdin: bytes.NewReader(b), Problem: func(p records.Problem) error {
			if p.Kind == records.BadRecord {
				problems++
			}
			return nil
		}}, func(*records.Record) error { seen++; return nil })
		if err != nil {
			if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
				t.Fatal(err)
			}
			return
		}
		if s.Records != seen || s.BadLines < problems-1 || problems > 0 != (s.BadLines > 0) {
			t.Fatalf("%+v: %d records, %d problems", s, seen, problems)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	c := newChain("replica-1").start(0)
	for range 20_000 {
		first := c.seq + 1
		for range 8 {
			r := everything()
			r.Batch, r.Outcomes, r.Outcome, r.Torn = first, nil, "", 0
			r.Subject, r.JTI, r.Input = "user:alice", strings.Repeat("j", 22), strings.Repeat("i", 44)
			r.KID, r.SID, r.Scope = strings.Repeat("k", 43), strings.Repeat("s", 22), "profile orders:read"
			r.Generation, r.Presented, r.Count, r.RequestID, r.Items = 0, 0, 0, "", 0
			c.add(r)
		}
		c.add(audit.Record{Event: audit.EventBatch, Batch: first, Items: 8, Outcome: audit.OutcomeIssued, RequestID: strings.Repeat("r", 36)})
	}
	content := text(c.lines...)
	path := filepath.Join(b.TempDir(), "records")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		s, err := records.Read(b.Context(), records.Config{Paths: []string{path}, Problem: func(records.Problem) error { return io.ErrUnexpectedEOF }}, func(*records.Record) error { return nil })
		if err != nil || s.Records != len(c.lines) {
			b.Fatal(s, err)
		}
	}
}
