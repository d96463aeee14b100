// Package plot draws latency over throughput as an SVG file that needs nothing
// else: one line for each series, the upward axis logarithmic, colours for light
// and dark. Texts never overlap: a point's label takes a free place beside it, or
// is left out.
package plot
