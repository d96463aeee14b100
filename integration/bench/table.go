package main

import (
	"fmt"
	"text/tabwriter"
	"time"
)

// What the tables of all sections are written with.

func flush(w *tabwriter.Writer) error {
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// missed marks a target beside which it stands.
func missed(is bool) string {
	if is {
		return " MISSED"
	}
	return ""
}

func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MB", n>>20)
}

func percent(part float64) string {
	if part == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2g %%", 100*part)
}

// written is a spread whose figures have this format.
func (s spread) written(format string) string {
	return fmt.Sprintf(format+" ("+format+"-"+format+")", s.Median, s.Min, s.Max)
}

// latency is a spread of nanoseconds, as people write it.
func (s spread) latency() string {
	return fmt.Sprintf("%s (%s-%s)", short(time.Duration(s.Median)), short(time.Duration(s.Min)), short(time.Duration(s.Max)))
}

// short has three digits.
func short(d time.Duration) string {
	unit := time.Nanosecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit).String()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
