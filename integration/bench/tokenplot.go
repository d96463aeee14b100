package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"signet/integration/bench/plot"
)

// latencyPlot is Signet beside direct Vault: a point for each number of
// connections, which is its label.
func latencyPlot(r *tokenResult) *plot.Chart {
	c := &plot.Chart{
		Title: "Latency over throughput: ES256 tokens by Signet, signatures by direct transit/sign",
		Subtitle: fmt.Sprintf("Vault with its audit log, Redis, Signet and the load generator on one machine of %d CPUs. "+
			"A number is how many connections.", r.CPUs),
		XLabel: "tokens or signatures a second", YLabel: "latency",
	}
	var words []string
	for colour, s := range []struct{ series, name string }{{credentials, "Signet, client_credentials"}, {direct, "direct transit/sign"}} {
		p50 := plot.Line{Name: s.name + ", p50", Colour: colour}
		p99 := plot.Line{Name: s.name + ", p99", Colour: colour, Dashed: true}
		for i := range r.Rows {
			row := &r.Rows[i]
			if row.Series != s.series {
				continue
			}
			label := strconv.Itoa(row.Connections)
			p50.Points = append(p50.Points, plot.Point{X: row.Rate.Median, Y: row.P50.Median / 1e6, Label: label})
			p99.Points = append(p99.Points, plot.Point{X: row.Rate.Median, Y: row.P99.Median / 1e6, Label: label})
			words = append(words, fmt.Sprintf("%s at %d connections: %.0f a second, p50 %s, p99 %s.", s.name, row.Connections, row.Rate.Median,
				short(time.Duration(row.P50.Median)), short(time.Duration(row.P99.Median))))
		}
		c.Lines = append(c.Lines, p50, p99)
	}
	c.Desc = strings.Join(words, " ")
	return c
}
