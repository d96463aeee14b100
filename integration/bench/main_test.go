package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/internal/redistest"
)

// TestArguments: what starts no stack. Help is no failure, and a forgotten dash
// no default.
func TestArguments(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]struct{ err, says string }{
		"--help":              {"", "make bench"},
		"-h":                  {"", "make bench"},
		"rounds 5":            {`unexpected argument "rounds"`, ""},
		"-rounds 1 extra":     {`unexpected argument "extra"`, ""},
		"-rounds 0":           {"-rounds is at least 1", ""},
		"-duration 9ms":       {"-duration at least 100ms", ""},
		"-connections 0":      {"numbers from 1 to 2000", ""},
		"-only keys":          {"-only is tokens, records, audit, sessions or scale", ""},
		"-page x":             {"-page takes the tables of -only scale", ""},
		"-audit-mb 0":         {"-audit-mb is at least 1", ""},
		"-sessions 2001":      {"-sessions is at least 2002", ""},
		"-what":               {"not defined: -what", "Usage"},
		"-only audit -svg x":  {"-only audit leaves out", ""},
		"-json /none/x":       {"-json: open /none/x", ""},
		"-only scale -page x": {"-page: open x", ""},
	} {
		var out, progress bytes.Buffer
		err := run(t.Context(), strings.Fields(args), &out, &progress)
		if (err == nil) != (want.err == "") || err != nil && !strings.Contains(err.Error(), want.err) {
			t.Errorf("%s: error %v, want %q", args, err, want.err)
		}
		if out.Len() > 0 || !strings.Contains(progress.String(), want.says) {
			t.Errorf("%s: printed %q and %q", args, out.String(), progress.String())
		}
	}
}

// TestQuick: -quick changes what is not given.
func TestQuick(t *testing.T) {
	t.Parallel()
	o, err := parseOptions([]string{"-rounds", "7", "-quick"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.tokens.rounds != 7 || o.tokens.length != time.Second || !slices.Equal(o.tokens.levels, []int{1, 128, 512}) || o.sessions != 10_000 {
		t.Errorf("%+v", o)
	}
	for name := range quickly {
		if !strings.Contains(quickFlags(), "-"+name+" ") {
			t.Errorf("help says %q", quickFlags())
		}
	}
}

// TestFigures: what is past its target is said in the table, and is an error.
func TestFigures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		figures []figure
		err     error
		says    []string
	}{
		"no target":     {[]figure{size("a", 700)}, nil, []string{"700 bytes"}},
		"at the target": {[]figure{size("a", 600).atMost(600)}, nil, []string{"<= 600 bytes"}},
		"past it":       {[]figure{size("a", 1), size("b", 601).atMost(600)}, errMissed, []string{"601 bytes", "<= 600 bytes MISSED"}},
		"times": {
			[]figure{times("a", []time.Duration{3 * time.Second, time.Millisecond, 2 * time.Millisecond}), times("b", nil)},
			nil,
			[]string{"2ms", "3s", "-"},
		},
	} {
		r := results{Sessions: c.figures}
		var out bytes.Buffer
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.says {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is missing from %s", name, want, out.String())
			}
		}
		if strings.Contains(out.String(), "MISSED") != (c.err != nil) || !errors.Is(r.judge(), c.err) {
			t.Errorf("%s: %v\n%s", name, r.judge(), out.String())
		}
	}
}

// TestRecordsTarget: a throughput that records take too much of is said in the
// table, and is an error.
func TestRecordsTarget(t *testing.T) {
	t.Parallel()
	for ratio, missed := range map[float64]bool{0.9: false, 0.89: true} {
		r := results{Records: []recordRow{{Fsync: "everysec", Ratio: spread{Median: ratio}, AtLeast: leastWithRecords}, {Fsync: "always", Ratio: spread{Median: 0.1}}}}
		var out bytes.Buffer
		if err := r.print(&out); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "MISSED") != missed || errors.Is(r.judge(), errMissed) != missed {
			t.Errorf("%v: %v\n%s", ratio, r.judge(), out.String())
		}
	}
}

// TestSessions goes through the whole section with few sessions. Sizes and times
// of this machine are not the point: what ends must be what was stored.
func TestSessions(t *testing.T) {
	t.Parallel()
	addr, ok := redistest.Start(t)
	if !ok {
		return
	}
	figures, err := benchSessions(t.Context(), sessionConfig{Redis: addr, Sessions: 2*crowd + 10, Refreshes: 101}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		if f.Name == "" || f.Median < 0 || f.Worst < f.Median {
			t.Errorf("%+v", f)
		}
	}
	if _, err := benchSessions(t.Context(), sessionConfig{Redis: "127.0.0.1:" + redistest.FreePort(t), Sessions: 2 * crowd}, io.Discard); err == nil {
		t.Error("a Redis that is not there was measured")
	}
}
