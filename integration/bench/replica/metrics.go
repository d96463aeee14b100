package replica

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Metrics are a replica's counters by series, NAME{LABELS}, at one moment.
type Metrics map[string]float64

// Metrics asks the ops listener.
func (r *Replica) Metrics(ctx context.Context) (Metrics, error) {
	resp, err := r.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading metrics: %s", resp.Status)
	}
	return parseMetrics(string(raw))
}

// parseMetrics reads the text format without timestamps, as Signet writes it
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
func parseMetrics(text string) (Metrics, error) {
	all := Metrics{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		if at < 0 {
			return nil, fmt.Errorf("metrics: %q has no value", line)
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", line, err)
		}
		all[line[:at]] = value
	}
	return all, nil
}

// Sum is that of all series of a metric; label picks those that have it, such as
// `result="ok"`, and empty takes all.
func (m Metrics) Sum(name, label string) float64 {
	sum := 0.0
	for series, value := range m {
		metric, labels, _ := strings.Cut(series, "{")
		if metric == name && strings.Contains(labels, label) {
			sum += value
		}
	}
	return sum
}

// Has tells whether a metric has any series yet.
func (m Metrics) Has(name string) bool {
	for series := range m {
		if metric, _, _ := strings.Cut(series, "{"); metric == name {
			return true
		}
	}
	return false
}
