package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	only     string
	tokens   tokenConfig
	sessions int
	auditMB  int
	redis    string
	json     string
	svg      string
	page     string
}

// idleLook is how long replicas without work are looked at: canaries and reads of
// keys come every 10 s.
const idleLook = 10 * time.Second

// scale is what the section of that name goes by.
func (o *options) scale() scaleConfig {
	return scaleConfig{rounds: o.tokens.rounds, length: o.tokens.length, idle: idleLook, sessions: o.sessions, quick: o.tokens.quick}
}

// has reports whether a section was asked for. scale is only if it is named.
func (o *options) has(section string) bool { return o.only == "" || o.only == section }

const usage = `Usage: bench [flags]

Examples: make bench ARGS='-only tokens -json bench.json -svg bench.svg'
          make bench ARGS='-only tokens -connections 1,32,128 -rounds 15'
          make bench ARGS='-only sessions -sessions 10000'
          make bench ARGS='-only audit -audit-mb 100'
          make bench-scale ARGS='-page docs/capacity.md'

Exit code 3: a target was missed.`

// quickly are the values that -quick has for flags that are not given.
var quickly = map[string]string{"connections": "1,128,512", "rounds": "2", "duration": "1s", "sessions": "10000", "audit-mb": "100"}

func parseOptions(args []string, progress io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(progress, usage)
		flags.PrintDefaults()
	}
	var o options
	flags.StringVar(&o.only, "only", "", "one section: tokens, records (what they cost), audit (how fast logs are compared), sessions, which needs no Vault, or scale (what a request costs as its surroundings grow); empty means all but scale")
	connections := flags.String("connections", "1,8,32,128,512", "tokens: numbers of connections to measure at; targets are for 1, 32, 128 and 512")
	flags.IntVar(&o.tokens.rounds, "rounds", 5, "tokens, records, scale: rounds of each measurement, interleaved; the median counts")
	flags.DurationVar(&o.tokens.length, "duration", 1700*time.Millisecond, "tokens, audit, records, scale: length of one round, a fifth more to warm up; tokens measures lists for twice as long, records for whole seconds")
	flags.BoolVar(&o.tokens.quick, "quick", false, fmt.Sprintf("short rounds, of whose targets only those are judged that hold in them; the same as %s", quickFlags()))
	flags.IntVar(&o.sessions, "sessions", 200_000, "sessions: how many to store; scale: sizes are the powers of ten from 1,000 up to this; 1,000,000 take some minutes and 1 GB of memory")
	flags.IntVar(&o.auditMB, "audit-mb", 1024, "audit: MB of audit log to write into $TMPDIR, and a fifth more of records; smaller ones may miss the target, for programs take their time to start")
	flags.StringVar(&o.redis, "redis", "", "sessions: host:port of an empty Redis to use; empty starts redis-server")
	flags.StringVar(&o.json, "json", "", "file to write all figures to")
	flags.StringVar(&o.svg, "svg", "", "tokens: file to draw latency over throughput in")
	flags.StringVar(&o.page, "page", "", "scale: Markdown file with the marks <!-- "+scaleMark+" -->, between which to write the tables")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.tokens.quick {
		if err := setQuick(flags); err != nil {
			return o, err
		}
	}
	var err error
	if o.tokens.levels, err = parseLevels(*connections); err != nil {
		return o, err
	}
	if err := o.check(); err != nil {
		return o, err
	}
	return o, o.writable()
}

func (o *options) check() error {
	switch {
	case !slices.Contains([]string{"", "tokens", "records", "sessions", "audit", "scale"}, o.only):
		return fmt.Errorf("-only is tokens, records, audit, sessions or scale")
	case o.tokens.rounds < 1 || o.tokens.length < 100*time.Millisecond:
		return fmt.Errorf("-rounds is at least 1, -duration at least 100ms")
	case o.auditMB < 1:
		return fmt.Errorf("-audit-mb is at least 1")
	case o.sessions < 2*crowd+2:
		return fmt.Errorf("-sessions is at least %d, or there is no subject with %d", 2*crowd+2, crowd)
	case o.page != "" && o.only != "scale":
		return fmt.Errorf("-page takes the tables of -only scale")
	case o.page != "" && o.tokens.quick:
		return fmt.Errorf("-page takes the tables of full rounds, and not those of -quick")
	case o.svg != "" && !o.has("tokens"):
		return fmt.Errorf("-svg draws the section tokens, which -only %s leaves out", o.only)
	}
	return nil
}

// writable finds out now whether the files can be written at the end: it is a quarter
// of an hour away.
func (o *options) writable() error {
	for name, path := range map[string]string{"json": o.json, "svg": o.svg, "page": o.page} {
		if path == "" {
			continue
		}
		mode := os.O_WRONLY | os.O_CREATE
		if name == "page" { // which has the marks
			mode = os.O_WRONLY
		}
		f, err := os.OpenFile(path, mode, 0o644)
		if err != nil {
			return fmt.Errorf("-%s: %w", name, err)
		}
		_ = f.Close() // nothing was written
	}
	return nil
}

// setQuick gives the flags their quick values, but those that were given.
func setQuick(flags *flag.FlagSet) error {
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range quickly {
		if given[name] {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return fmt.Errorf("-quick: %w", err)
		}
	}
	return nil
}

func quickFlags() string {
	var all []string
	for name, value := range quickly {
		all = append(all, "-"+name+" "+value)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func parseLevels(s string) ([]int, error) {
	var levels []int
	for field := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || n < 1 || n > 2000 {
			return nil, fmt.Errorf("-connections %q: numbers from 1 to 2000, separated by commas", s)
		}
		levels = append(levels, n)
	}
	slices.Sort(levels)
	return slices.Compact(levels), nil
}
