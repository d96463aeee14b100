package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// errMissed means that a figure is past its target.
var errMissed = errors.New("a target was missed")

// results are the sections that were asked for.
type results struct {
	Tokens   *tokenResult `json:"tokens,omitempty"`
	Records  []recordRow  `json:"records,omitempty"`
	Sessions []figure     `json:"sessions,omitempty"`

	Audit  *auditResult `json:"audit,omitempty"`
	Hashed *hashedRow   `json:"audit_hashed,omitempty"`

	Scale *scaleResult `json:"scale,omitempty"`
}

// write prints the tables, and writes the files that were asked for.
func (r *results) write(out io.Writer, o options) error {
	if err := r.print(out); err != nil {
		return err
	}
	if o.json != "" {
		raw, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			return fmt.Errorf("encoding the figures: %w", err)
		}
		if err := os.WriteFile(o.json, append(raw, '\n'), 0o644); err != nil {
			return fmt.Errorf("writing the figures: %w", err)
		}
	}
	if o.svg != "" {
		if err := os.WriteFile(o.svg, latencyPlot(r.Tokens).SVG(), 0o644); err != nil {
			return fmt.Errorf("writing the plot: %w", err)
		}
	}
	if o.page != "" {
		return r.Scale.writePage(o.page)
	}
	return nil
}

func (r *results) print(out io.Writer) error {
	if r.Tokens != nil {
		if err := printTokens(out, r.Tokens); err != nil {
			return err
		}
	}
	if r.Records != nil {
		if err := printRecords(out, r.Records); err != nil {
			return err
		}
	}
	if r.Audit != nil {
		if err := printAudit(out, r.Audit); err != nil {
			return err
		}
	}
	if r.Hashed != nil {
		if err := printHashed(out, r.Hashed); err != nil {
			return err
		}
	}
	if r.Sessions != nil {
		if err := printFigures(out, r.Sessions); err != nil {
			return err
		}
	}
	if r.Scale != nil {
		return printScale(out, r.Scale)
	}
	return nil
}

// judge tells all targets that were missed.
func (r *results) judge() error {
	var missed []error
	if r.Tokens != nil {
		for i := range r.Tokens.Verdicts {
			if v := &r.Tokens.Verdicts[i]; v.Missed {
				missed = append(missed, fmt.Errorf("%w: %s at %d connections is %.3g, want %s", errMissed, v.Name, v.Connections, v.Value.Median, v.bound(v.Must)))
			}
		}
	}
	for i := range r.Records {
		if row := &r.Records[i]; row.missed() {
			missed = append(missed, fmt.Errorf("%w: with records, fsync %s, %.2f of the throughput is left, want at least %.2f", errMissed, row.Fsync, row.Ratio.Median, row.AtLeast))
		}
	}
	if r.Audit != nil {
		missed = append(missed, r.Audit.judge())
	}
	if r.Scale != nil {
		for _, axis := range r.Scale.Axes {
			for _, what := range axis.Missed() {
				missed = append(missed, fmt.Errorf("%w: %s", errMissed, what))
			}
		}
	}
	for i := range r.Sessions {
		if f := &r.Sessions[i]; f.missed() {
			missed = append(missed, fmt.Errorf("%w: %s is %s, want at most %s", errMissed, f.Name, f.show(f.Worst), f.show(*f.AtMost)))
		}
	}
	return errors.Join(missed...)
}
