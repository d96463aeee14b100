package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	if errors.Is(err, errMissed) {
		os.Exit(3) //nolint:gocritic // nothing is left to be stopped
	}
	os.Exit(1)
}

// options are the command line.
type options struct {
	only     string
	levels   []int
	rounds   int
	length   time.Duration
	format   string
	sessions int
	redis    string
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parseOptions(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	var r results
	if o.only != "sessions" {
		if r.Tokens, err = benchTokens(ctx, o, progress); err != nil {
			return err
		}
	}
	if o.only != "tokens" {
		if r.Sessions, err = benchSessions(ctx, sessionConfig{Redis: o.redis, Sessions: o.sessions, Refreshes: 10_000}, progress); err != nil {
			return err
		}
	}
	if err := r.print(out, o.format); err != nil {
		return err
	}
	return r.judge()
}

func parseOptions(args []string, progress io.Writer) (options, error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(progress, "Usage: bench [flags]\n\nExamples: make bench ARGS='-connections 1,32,128 -rounds 5'\n"+
			"          make bench ARGS='-only sessions -sessions 10000'\n\nExit code 3: a target was missed.")
		flags.PrintDefaults()
	}
	var o options
	flags.StringVar(&o.only, "only", "", "one section: tokens, or sessions, which needs no Vault; empty means both")
	connections := flags.String("connections", "1,32,128", "tokens: numbers of connections to measure at")
	flags.IntVar(&o.rounds, "rounds", 3, "tokens: rounds of each measurement, interleaved; the median counts")
	flags.DurationVar(&o.length, "duration", 3*time.Second, "tokens: length of one round")
	flags.IntVar(&o.sessions, "sessions", 1_000_000, "sessions: how many to store; 1,000,000 take some minutes and 1 GB of memory")
	flags.StringVar(&o.redis, "redis", "", "sessions: host:port of an empty Redis to use; empty starts redis-server")
	flags.StringVar(&o.format, "o", "table", "output: table or json")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	var err error
	if o.levels, err = parseLevels(*connections); err != nil {
		return o, err
	}
	switch {
	case o.only != "" && o.only != "tokens" && o.only != "sessions":
		return o, fmt.Errorf("-only is tokens or sessions")
	case o.rounds < 1 || o.length < 100*time.Millisecond || (o.format != "table" && o.format != "json"):
		return o, fmt.Errorf("-rounds is at least 1, -duration at least 100ms, -o table or json")
	case o.sessions < 2*crowd+2:
		return o, fmt.Errorf("-sessions is at least %d, or there is no subject with %d", 2*crowd+2, crowd)
	}
	return o, nil
}

func benchTokens(ctx context.Context, o options, progress io.Writer) ([]row, error) {
	stack, err := startStack(ctx, progress)
	if err != nil {
		return nil, err
	}
	defer stack.stop()
	return measureAll(ctx, stack, o.levels, o.rounds, o.length, progress)
}

// results are the sections that were asked for.
type results struct {
	Tokens   []row    `json:"tokens,omitempty"`
	Sessions []figure `json:"sessions,omitempty"`
}

func (r *results) print(out io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(r)
	}
	if r.Tokens != nil {
		if err := printTable(out, r.Tokens); err != nil {
			return err
		}
	}
	if r.Sessions != nil {
		return printFigures(out, r.Sessions)
	}
	return nil
}

func (r *results) judge() error {
	for i := range r.Sessions {
		if f := &r.Sessions[i]; f.missed() {
			return fmt.Errorf("%w: %s is %s, want at most %s", errMissed, f.Name, f.show(f.Worst), f.show(*f.AtMost))
		}
	}
	return nil
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
	return levels, nil
}

// row is what one number of connections gave.
type row struct {
	Connections int     `json:"connections"`
	Direct      summary `json:"direct"`
	Signet      summary `json:"signet"`
	// Ratio is Signet's rate over direct's; P50Ratio and P99Ratio its latency over direct's.
	Ratio    float64 `json:"ratio"`
	P50Ratio float64 `json:"p50_ratio"`
	P99Ratio float64 `json:"p99_ratio"`
}

// measureAll alternates between the two, so that a machine whose speed drifts
// does so for both.
func measureAll(ctx context.Context, s *stack, levels []int, rounds int, length time.Duration, progress io.Writer) ([]row, error) {
	var rows []row
	for _, n := range levels {
		var direct, signet []result
		for round := range rounds {
			_, _ = fmt.Fprintf(progress, "%d connections, round %d of %d\n", n, round+1, rounds)
			d, err := load(ctx, n, length, s.directSign)
			if err != nil {
				return nil, fmt.Errorf("direct transit/sign: %w", err)
			}
			c, err := load(ctx, n, length, s.clientCredentials)
			if err != nil {
				return nil, fmt.Errorf("client_credentials: %w", err)
			}
			direct, signet = append(direct, d), append(signet, c)
		}
		r := row{Connections: n, Direct: summarise(direct), Signet: summarise(signet)}
		r.Ratio = r.Signet.Rate / r.Direct.Rate
		r.P50Ratio = float64(r.Signet.P50) / float64(r.Direct.P50)
		r.P99Ratio = float64(r.Signet.P99) / float64(r.Direct.P99)
		rows = append(rows, r)
	}
	return rows, nil
}

func printTable(out io.Writer, rows []row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "connections\tdirect signs/s\tp50\tp99\tsignet tokens/s\tp50\tp99\trate ratio\tp50 ratio\tp99 ratio\t")
	for _, r := range rows {
		_, _ = fmt.Fprintf(w, "%d\t%.0f (%.0f-%.0f)\t%s\t%s\t%.0f (%.0f-%.0f)\t%s\t%s\t%.2f\t%.2f\t%.2f\t\n",
			r.Connections, r.Direct.Rate, r.Direct.Low, r.Direct.High, short(r.Direct.P50), short(r.Direct.P99),
			r.Signet.Rate, r.Signet.Low, r.Signet.High, short(r.Signet.P50), short(r.Signet.P99), r.Ratio, r.P50Ratio, r.P99Ratio)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// summary is the median round, with the spread of the rates.
type summary struct {
	Rate float64       `json:"per_second"`
	Low  float64       `json:"per_second_min"`
	High float64       `json:"per_second_max"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
}

func summarise(results []result) summary {
	slices.SortFunc(results, func(a, b result) int {
		switch {
		case a.rate < b.rate:
			return -1
		case a.rate > b.rate:
			return 1
		}
		return 0
	})
	median := results[len(results)/2]
	return summary{Rate: median.rate, Low: results[0].rate, High: results[len(results)-1].rate, P50: median.p50, P99: median.p99}
}
