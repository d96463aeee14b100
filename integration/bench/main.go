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
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, progress io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(progress, "Usage: bench [flags]\n\nExample: make bench ARGS='-connections 1,32,128 -rounds 5'")
		flags.PrintDefaults()
	}
	connections := flags.String("connections", "1,32,128", "numbers of connections to measure at")
	rounds := flags.Int("rounds", 3, "rounds of each measurement, interleaved; the median counts")
	length := flags.Duration("duration", 3*time.Second, "length of one round")
	format := flags.String("o", "table", "output: table or json")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	levels, err := parseLevels(*connections)
	if err != nil {
		return err
	}
	if *rounds < 1 || *length < 100*time.Millisecond || (*format != "table" && *format != "json") {
		return fmt.Errorf("-rounds is at least 1, -duration at least 100ms, -o table or json")
	}
	stack, err := startStack(ctx, progress)
	if err != nil {
		return err
	}
	defer stack.stop()
	rows, err := measureAll(ctx, stack, levels, *rounds, *length, progress)
	if err != nil {
		return err
	}
	if *format == "json" {
		return json.NewEncoder(out).Encode(rows)
	}
	return printTable(out, rows)
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
