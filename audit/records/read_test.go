package records_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"signet/audit"
	"signet/audit/records"
)

// TestHonestRecords: none of this is a problem.
func TestHonestRecords(t *testing.T) {
	one := func() *chain { return newChain("r1").start(0).tokens(5) }
	for name, c := range map[string]struct {
		files   func(t *testing.T) []string
		records int
		torn    int
		note    string
	}{
		"one file": {files: func(*testing.T) []string { return []string{text(one().lines...)} }, records: 11},
		"gzip, several members": {files: func(t *testing.T) []string {
			l := one().lines
			return []string{gz(t, text(l[:4]...), text(l[4:]...))}
		}, records: 11},
		"rotated, in any order": {files: func(t *testing.T) []string {
			l := one().lines
			return []string{text(l[8:]...), gz(t, text(l[:3]...)), text(l[3:8]...)}
		}, records: 11},
		"rotated while the clock went back": {files: func(*testing.T) []string {
			c := one()
			c.at = c.at.Add(-60e9)
			c.tokens(2)
			return []string{text(c.lines[:11]...), text(c.lines[11:]...)}
		}, records: 15},
		"two replicas in one stream": {files: func(*testing.T) []string {
			a, b := one(), newChain("r2").start(0).tokens(5)
			var mixed []string
			for i := range a.lines {
				mixed = append(mixed, a.lines[i], b.lines[i])
			}
			return []string{text(mixed...)}
		}, records: 22},
		"a process goes on with the file": {files: func(*testing.T) []string { return []string{text(one().start(0).tokens(1).lines...)} }, records: 14},
		"each process begins anew": {files: func(*testing.T) []string {
			return []string{text(one().anew().start(0).tokens(1).lines...)}
		}, records: 14},
		"torn, then a start": {files: func(*testing.T) []string {
			c := one()
			half := c.lines[10][:40]
			return []string{text(c.lines...) + half + "\n" + text(c.start(40).tokens(1).lines[11:]...)}
		}, records: 14, torn: 1},
		"torn twice, then a start": {files: func(*testing.T) []string {
			c := one()
			half := c.lines[10][:40]
			return []string{text(c.lines...) + half + "\n" + half[:30] + "\n" + text(c.start(30).lines[11:]...)}
		}, records: 12, torn: 2},
		"torn in the file's first record": {files: func(*testing.T) []string {
			c := one()
			return []string{c.lines[0][:30] + "\n" + text(c.lines...)}
		}, records: 11, torn: 1},
		"torn on standard output": {files: func(*testing.T) []string {
			c := one()
			half := c.lines[10][:40]
			return []string{text(c.lines...) + half + text(c.anew().start(0).tokens(1).lines[11:]...)}
		}, records: 14, torn: 1},
		"a whole record without its newline counted as torn": {files: func(*testing.T) []string {
			c := one()
			before := *c
			last := c.add(audit.Record{Event: audit.EventKeys, Ring: "x"})
			kept := c.lines
			*c = before
			c.lines = nil
			return []string{text(kept...) + text(c.start(len(last)).tokens(1).lines...)}
		}, records: 15},
		"still being written": {files: func(*testing.T) []string {
			c := one()
			return []string{text(c.lines...) + c.lines[3][:77]}
		}, records: 11, torn: 1},
		"no newline at the end": {files: func(*testing.T) []string { return []string{strings.TrimSuffix(text(one().lines...), "\n")} }, records: 11},
		"older files were not given": {files: func(*testing.T) []string {
			return []string{text(one().lines[4:]...)}
		}, records: 7, note: "replica r1: records before number 5 were not given"},
		"one process ends while the next has begun": {files: func(*testing.T) []string {
			a, b := one(), newChain("r1").start(0).tokens(2)
			return []string{text(a.lines[:9]...) + text(b.lines[:2]...) + text(a.lines[9:]...) + text(b.lines[2:]...)}
		}, records: 16},
		"concatenated in the wrong order": {files: func(*testing.T) []string {
			l := one().lines
			return []string{text(append(l[5:], l[:5]...)...)}
		}, records: 11, note: "replica r1: 1 times records were not in the order of their chain"},
		"empty": {files: func(*testing.T) []string { return []string{""} }},
	} {
		t.Run(name, func(t *testing.T) {
			got := readTexts(t, c.files(t)...)
			if len(got.problems) > 0 {
				t.Errorf("problems: %q", got.problems)
			}
			if got.summary.Records != c.records || len(got.seqs) != c.records || got.summary.Torn != c.torn || got.summary.BadLines != 0 {
				t.Errorf("%d records, %d torn, %d bad, want %d, %d, 0", got.summary.Records, got.summary.Torn, got.summary.BadLines, c.records, c.torn)
			}
			if notes := strings.Join(got.summary.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			for _, r := range got.summary.Replicas {
				if !r.Intact || r.Records == 0 || r.To.Before(r.From) {
					t.Errorf("replica %+v", r)
				}
			}
		})
	}
}

// TestProblems: each is exactly one, at its place.
func TestProblems(t *testing.T) {
	lines := func() []string { return newChain("r1").start(0).tokens(5).lines }
	join := func(parts ...[]string) string { return text(slices.Concat(parts...)...) }
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"a record changed": {
			[]string{join(lines()[:3], []string{strings.Replace(lines()[3], "orders", "others", 1)}, lines()[4:])},
			"broken_chain a:5 r1/5: record 4 (",
		},
		"a record changed, by a blank": {
			[]string{join(lines()[:3], []string{lines()[3] + " "}, lines()[4:])},
			"broken_chain a:5 r1/5: record 4 (",
		},
		"records removed":         {[]string{join(lines()[:3], lines()[5:])}, "broken_chain a:4 r1/6: 2 records are missing between number 3 ("},
		"a file between is gone":  {[]string{join(lines()[:3]), join(lines()[6:])}, "broken_chain b:1 r1/7: 3 records are missing between number 3 ("},
		"records are there twice": {[]string{join(lines()), join(lines()[4:])}, "broken_chain b:1 r1/5: record 5 comes after record 11 ("},
		"no start":                {[]string{text(newChain("r1").tokens(3).lines...)}, "broken_chain a:1 r1/1: record 1 has no record before it"},
		"no JSON":                 {[]string{join(lines()[:3], []string{"hello"}, lines()[3:])}, "bad_record a:4 /0: it is no issuance record"},
		"a record overwritten":    {[]string{join(lines()[:3], []string{"hello"}, lines()[4:])}, "bad_record a:4 /0: it is no issuance record"},
		"too long":                {[]string{join(lines()[:3], []string{strings.Repeat("x", 3<<20)}, lines()[3:])}, "bad_record a:4 /0: it is no issuance record"},
		"half a record and no start after it": {
			[]string{join(lines()[:3], []string{lines()[3][:50]}, lines()[3:])},
			"bad_record a:4 /0: it is no issuance record",
		},
		"another version": {
			[]string{join(lines()[:3], []string{strings.Replace(lines()[3], `"v":1`, `"v":2`, 1)}, lines()[4:])},
			"bad_record a:4 /0: it is a record of another version",
		},
		"no replica": {[]string{join(lines(), []string{`{"v":1,"seq":1,"time":"2026-11-27T12:00:00.000000Z","event":"stop","prev":null}`, "x"})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := readTexts(t, c.files...).problems
			if len(got) == 0 || !strings.HasPrefix(got[0], c.want) {
				t.Fatalf("%q, want %q", got, c.want)
			}
			if c.want != "" && len(got) != 1 {
				t.Errorf("%d problems: %q", len(got), got)
			}
		})
	}
}

func TestSeqMustCount(t *testing.T) {
	c := newChain("r1").start(0).tokens(1)
	c.seq += 5
	got := readTexts(t, text(c.tokens(1).lines...))
	if len(got.problems) != 1 || !strings.Contains(got.problems[0], "record 9 follows record 3 by its hash and not by its number") {
		t.Errorf("%q", got.problems)
	}
	if got.summary.Replicas[0].Intact {
		t.Error("the chain counts as intact")
	}
}

func TestManyBadLinesAreSummedUp(t *testing.T) {
	got := readTexts(t, text(newChain("r").start(0).lines...)+strings.Repeat("x\n", 1500))
	if len(got.problems) != 1001 || got.summary.BadLines != 1500 || !strings.Contains(got.problems[1000], "500 more lines") {
		t.Errorf("%d problems, %d bad lines", len(got.problems), got.summary.BadLines)
	}
}

func TestStdinAndProgress(t *testing.T) {
	c := newChain("r").start(0).tokens(3)
	path := filepath.Join(t.TempDir(), "rotated")
	if err := os.WriteFile(path, []byte(text(c.lines[:3]...)), 0o600); err != nil {
		t.Fatal(err)
	}
	var done, total int64
	s, err := records.Read(t.Context(), records.Config{
		Paths: []string{"-", path}, Stdin: strings.NewReader(text(c.lines[3:]...)),
		Progress: func(d, of int64) { done, total = d, of },
	}, func(*records.Record) error { return nil })
	if err != nil || s.Records != 7 || !s.Replicas[0].Intact {
		t.Fatalf("%+v, %v", s, err)
	}
	if done != s.Bytes || total != 0 {
		t.Errorf("progress: %d of %d, want %d of 0", done, total, s.Bytes)
	}
}

func TestRefusedBeforeAnythingIsRead(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	copied := filepath.Join(dir, "copy.gz")
	content := text(newChain("r").start(0).tokens(3).lines...)
	broken := filepath.Join(dir, "broken.gz")
	for path, s := range map[string]string{good: content, copied: gz(t, content), broken: "\x1f\x8bxxxxxxxxxxxxxxxx"} {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"none":       {nil, "no file"},
		"missing":    {[]string{good, filepath.Join(dir, "absent")}, "no such file"},
		"directory":  {[]string{dir}, "it is a directory"},
		"the same":   {[]string{good, good}, "give each file once"},
		"a copy":     {[]string{good, copied}, "give each file once"},
		"gzip":       {[]string{broken}, "unpacking"},
		"no stdin":   {[]string{"-"}, "no standard input"},
		"stdin, two": {[]string{"-", "-"}, "no standard input"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := records.Read(t.Context(), records.Config{Paths: c.paths}, func(*records.Record) error {
				t.Error("a record was read")
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestReadingEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	c := newChain("r").start(0).tokens(3)
	if err := os.WriteFile(path, []byte(text(c.lines...)+"junk\n"+c.lines[0]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := records.Config{Paths: []string{path}}
	if _, err := records.Read(t.Context(), cfg, func(*records.Record) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("each: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := records.Read(ctx, cfg, func(*records.Record) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("context: %v", err)
	}
	cfg.Problem = func(records.Problem) error { return io.ErrNoProgress }
	if _, err := records.Read(t.Context(), cfg, func(*records.Record) error { return nil }); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("problem: %v", err)
	}
}

func TestACutGzipIsAnError(t *testing.T) {
	c := newChain("r").start(0).tokens(5000)
	packed := gz(t, text(c.lines...))
	path := filepath.Join(t.TempDir(), "cut.gz")
	if err := os.WriteFile(path, []byte(packed[:len(packed)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	n := 0
	_, err := records.Read(t.Context(), records.Config{Paths: []string{path}}, func(*records.Record) error { n++; return nil })
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut.gz: after line ") || n == 0 {
		t.Errorf("%d records, %v", n, err)
	}
}

// TestStdinThatSaysNothing must not keep a program that is to end.
func TestStdinThatSaysNothing(t *testing.T) {
	in, out := io.Pipe()
	defer func() { _ = out.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	line := newChain("r").start(0).lines[0]
	go func() { _, _ = io.WriteString(out, strings.Repeat(line+"\n", 2*(1<<20)/len(line))) }()
	_, err := records.Read(ctx, records.Config{Paths: []string{records.Stdin}, Stdin: in}, func(*records.Record) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestFullAndOutcomes(t *testing.T) {
	c := newChain("r").start(0)
	c.add(audit.Record{Event: audit.EventBatch, Batch: 2, Items: 3, Outcomes: []audit.Outcome{audit.OutcomeIssued, audit.OutcomeUnknown, audit.OutcomeDiscarded}})
	c.tokens(1)
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(text(c.lines...)), 0o600); err != nil {
		t.Fatal(err)
	}
	var outcomes []audit.Outcome
	var subjects []string
	if _, err := records.Read(t.Context(), records.Config{Paths: []string{path}}, func(r *records.Record) error {
		if r.Event == audit.EventBatch {
			for i := range 4 {
				outcomes = append(outcomes, r.OutcomeOf(i))
			}
		}
		full, err := r.Full()
		if full.Event == audit.EventToken {
			subjects = append(subjects, full.Subject)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []audit.Outcome{"issued", "unknown", "discarded", "", "issued", "issued", "issued", "issued"}
	if !slices.Equal(outcomes, want) || !slices.Equal(subjects, []string{"user:zoë"}) {
		t.Errorf("%q, %q", outcomes, subjects)
	}
}

// TestPipe: a pipe, as of `--records <(zcat ...)`, can be read once only.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(path, []byte(text(newChain("r1").start(0).tokens(5).lines...)), 0o600) }()
	n := 0
	if _, err := records.Read(t.Context(), records.Config{Paths: []string{path}}, func(*records.Record) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil || n != 11 {
		t.Errorf("%d records, %v", n, err)
	}
}
