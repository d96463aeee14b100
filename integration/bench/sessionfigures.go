package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is one line about sessions.
type figure struct {
	Name string `json:"name"`
	// Unit is bytes or ns.
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Worst  float64 `json:"worst"`
	Tries  int     `json:"tries"`
	// AtMost is the target; nil means none.
	AtMost *float64 `json:"at_most,omitempty"`
	Note   string   `json:"note,omitempty"`
}

func (f *figure) missed() bool { return f.AtMost != nil && f.Worst > *f.AtMost }

func size(name string, n float64) figure {
	return figure{Name: name, Unit: "bytes", Median: n, Worst: n, Tries: 1}
}

func (f figure) atMost(n float64) figure {
	f.AtMost = &n
	return f
}

// timed makes some tries, one after another.
func timed(ctx context.Context, name string, tries int, try func(context.Context, int) error) (figure, error) {
	took := make([]time.Duration, 0, tries)
	for i := range tries {
		began := time.Now()
		if err := try(ctx, i); err != nil {
			return figure{}, fmt.Errorf("%s: %w", name, err)
		}
		took = append(took, time.Since(began))
	}
	return times(name, took), nil
}

func times(name string, took []time.Duration) figure {
	if len(took) == 0 {
		return figure{Name: name, Unit: "ns", Note: "no try was finished"}
	}
	slices.Sort(took)
	return figure{Name: name, Unit: "ns", Median: float64(took[len(took)/2]), Worst: float64(took[len(took)-1]), Tries: len(took)}
}

func printFigures(out io.Writer, figures []figure) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "sessions in Redis\tmedian\tworst\ttries\ttarget\t")
	for i := range figures {
		f := &figures[i]
		target := ""
		if f.AtMost != nil {
			target = "<= " + f.show(*f.AtMost) + missed(f.missed())
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", f.Name, f.show(f.Median), f.show(f.Worst), f.Tries, target, f.Note)
	}
	return flush(w)
}

func (f *figure) show(n float64) string {
	if f.Tries == 0 {
		return "-"
	}
	if f.Unit == "bytes" {
		return fmt.Sprintf("%.0f bytes", n)
	}
	d := time.Duration(n)
	if d < time.Second {
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(10 * time.Millisecond).String()
}
