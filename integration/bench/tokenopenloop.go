package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
)

// arrivalsOver is how many connections serve the arrivals.
const arrivalsOver = 2 * mainLevel

// openRow is the latency of requests that arrive at a rate, whatever the answers
// take, counted from when each was due.
type openRow struct {
	Series string `json:"series"`
	// Share is the part of the capacity that arrives: of the rate that the series
	// reached in this run with connections that wait for their answers.
	Share   float64 `json:"share_of_capacity"`
	Asked   float64 `json:"asked_per_second"`
	Reached spread  `json:"reached_per_second"`
	P50     spread  `json:"p50_ns"`
	P99     spread  `json:"p99_ns"`
	P999    spread  `json:"p999_ns"`
}

// openLoop needs the capacity: without the main level there is none.
func (b *tokenBench) openLoop(ctx context.Context) ([]openRow, error) {
	var rows []openRow
	for _, share := range []float64{0.5, 0.8} {
		rounds := map[string][]round{}
		asked := map[string]float64{}
		for i := range b.rounds {
			for _, series := range []string{direct, credentials} {
				capacity := b.measured[at{series, mainLevel}]
				if len(capacity) == 0 {
					return nil, nil
				}
				asked[series] = share * spreadBy(capacity, rateOf).Median
				_, _ = fmt.Fprintf(b.progress, "%s, %.0f arrivals a second, round %d of %d\n", series, asked[series], i+1, b.rounds)
				r, err := b.measure(ctx, at{series, arrivalsOver}, asked[series])
				if err != nil {
					return nil, err
				}
				rounds[series] = append(rounds[series], r)
			}
		}
		for _, series := range []string{direct, credentials} {
			r := rounds[series]
			rows = append(rows, openRow{
				Series: series, Share: share, Asked: asked[series], Reached: spreadBy(r, rateOf),
				P50: spreadBy(r, p50Of), P99: spreadBy(r, p99Of), P999: spreadBy(r, p999Of),
			})
		}
	}
	return rows, b.stack.emptyLogs()
}

func printOpen(out io.Writer, rows []openRow) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "\narrivals by a schedule\tof its capacity\tasked/s\tanswered/s\tp50\tp99\tp99.9\t")
	for i := range rows {
		r := &rows[i]
		_, _ = fmt.Fprintf(w, "%s\t%.0f %%\t%.0f\t%s\t%s\t%s\t%s\t\n", r.Series, 100*r.Share, r.Asked,
			r.Reached.written("%.0f"), r.P50.latency(), r.P99.latency(), r.P999.latency())
	}
	return flush(w)
}
