package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

func printTokens(out io.Writer, r *tokenResult) error {
	if err := printRows(out, r); err != nil {
		return err
	}
	if len(r.Open) > 0 {
		if err := printOpen(out, r.Open); err != nil {
			return err
		}
	}
	if err := printProcesses(out, r); err != nil {
		return err
	}
	return printVerdicts(out, r.Verdicts)
}

// printRows has medians, with the range of the rates.
func printRows(out io.Writer, r *tokenResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "%d CPUs\tconnections\tper second\tp50\tp99\tp99.9\t503\tCPU µs each: %s\tSignet's peak\t\n", r.CPUs, strings.Join(processes, "\t"))
	level := 0
	for i := range r.Rows {
		row := &r.Rows[i]
		if level > 0 && level != row.level {
			_, _ = fmt.Fprintln(w, strings.Repeat("\t", 8+len(processes)))
		}
		level = row.level
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t", row.Series, row.Connections, row.Rate.written("%.0f"),
			short(time.Duration(row.P50.Median)), short(time.Duration(row.P99.Median)), short(time.Duration(row.P999.Median)), percent(row.Refused))
		for _, name := range processes {
			if cpu, ok := row.CPU[name]; ok {
				_, _ = fmt.Fprintf(w, "%.0f", cpu.Median)
			}
			_, _ = fmt.Fprint(w, "\t")
		}
		_, _ = fmt.Fprintf(w, "%s\t\n", megabytes(row.Peak))
	}
	return flush(w)
}

// printProcesses is what the whole run took.
func printProcesses(out io.Writer, r *tokenResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Processes) > 0 {
		_, _ = fmt.Fprintln(w, "\nprocess\tCPU seconds\tpeak memory\t")
	}
	for _, p := range r.Processes {
		_, _ = fmt.Fprintf(w, "%s\t%.1f\t%s\t\n", p.Name, p.CPU, megabytes(p.Peak))
	}
	if r.Redis != nil {
		_, _ = fmt.Fprintf(w, "Redis has %d keys and %d kB more than before.\n", r.Redis.Keys, r.Redis.Bytes>>10)
	}
	if r.Note != "" {
		_, _ = fmt.Fprintln(w, r.Note)
	}
	return flush(w)
}

func printVerdicts(out io.Writer, verdicts []verdict) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nfigure\tconnections\tmedian (range)\ttarget\tbeyond it\t")
	for i := range verdicts {
		v := &verdicts[i]
		must, beyond := v.says()
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n", v.Name, v.Connections, v.Value.written("%.3g"), must, beyond)
	}
	return flush(w)
}
