package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"signet/audit/report"
	"signet/audit/report/page"
)

// reportOptions are the flags of `signet audit report`.
type reportOptions struct {
	auditSources

	since, until     string
	period, format   string
	out              string
	sinceAt, untilAt time.Time
}

func newAuditReportCommand() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report --config FILE --records FILE... [--vault-log FILE...] --out FILE",
		Short: "Add up what was issued, refused and revoked, how old the keys are and who rotated them",
		Long: `Add up issuance records, and what Vault's audit log says of keys, for an auditor:
tokens by client, audience, ring, key version and grant; refusals and failed
authentications; reuse of refresh tokens and other security events; revocations;
the age of every key version against its rotation period and two years (NIST SP
800-57); rotations and who made them; and for which replicas and times the
records speak.

Files may be plain or gzip, of several replicas, rotated, in any order; - is
standard input. Give each flag once for every file, or a pattern in quotes, such
as 'records-*.jsonl.gz'.

The periods are hours up to three days, days up to 92, and weeks beyond; --period
chooses. The ages of keys come from Vault, if your own token may read them
(VAULT_ADDR, VAULT_TOKEN or ~/.vault-token; the policy signet-auditor is enough),
else from Vault's audit log; the report says which.

html is one file that needs no network and no script, and asks for --out. json
has everything; csv is one long table of period, dimension, value and count. A
token counts once it is issued.

Exit code 3 if the chain of records is broken: the report is written all the
same, and says so. Whether each signature was declared is not looked at here:
signet audit reconcile does that.`,
		Example: `  signet audit report --config signet.yaml --records records.jsonl --vault-log audit.log --out report.html
  signet audit report --config signet.yaml --records a.jsonl.gz --records b.jsonl --since 2026-10-01T00:00:00Z --format csv`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			r, err := makeReport(cmd.Context(), &o, cmd)
			if err != nil {
				return err
			}
			if err := o.write(r, cmd.OutOrStdout()); err != nil {
				return err
			}
			if n := r.Coverage.Breaks.Count; n > 0 {
				return fmt.Errorf("%w: the chain of records is broken in %d places: signet audit reconcile says more", errFound, n)
			}
			return nil
		},
	}
	o.add(cmd)
	return cmd
}

func (o *reportOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.auditSources.add(f)
	f.StringVar(&o.since, "since", "", "count from this time on (RFC 3339)")
	f.StringVar(&o.until, "until", "", "count before this time (RFC 3339)")
	f.StringVar(&o.period, "period", "", "hour, day or week; without it by the span")
	f.StringVar(&o.format, "format", formatHTML, "html, json or csv")
	f.StringVar(&o.out, "out", "", "the file to write; without it json and csv are printed")
	_ = cmd.MarkFlagRequired("records") // it is there
}

// The formats.
const (
	formatHTML = "html"
	formatJSON = "json"
	formatCSV  = "csv"
)

func (o *reportOptions) check() (err error) {
	if o.sinceAt, o.untilAt, err = timeSpan(o.since, o.until); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]string{formatHTML, formatJSON, formatCSV}, o.format):
		return usage("--format %s: use html, json or csv", o.format)
	case o.format == formatHTML && o.out == "":
		return usage("html is for a browser: name the file with --out, or use --format json or csv")
	case o.period != "" && !report.Unit(o.period).Valid():
		return usage("--period %s: use hour, day or week", o.period)
	case o.bothStdin():
		return usage("both --records and --vault-log are standard input: name a file for one of them")
	case slices.Contains(o.records, "") || slices.Contains(o.vaultLogs, ""):
		return usage("an empty file name: give --records and --vault-log a value, or leave --vault-log away")
	}
	return o.expand()
}

func (o *reportOptions) write(r *report.Report, stdout io.Writer) error {
	content := func(out io.Writer) error {
		switch o.format {
		case formatJSON:
			return r.JSON(out)
		case formatCSV:
			return r.CSV(out)
		}
		return page.Write(out, r)
	}
	if o.out == "" {
		return content(stdout)
	}
	if err := replaceFile(o.out, content); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err := fmt.Fprintf(stdout, "%s: %s\n", o.out, inShort(r))
	return err
}

// inShort is the report in one line.
func inShort(r *report.Report) string {
	s := &r.Summary
	parts := []string{
		fmt.Sprintf("%d tokens of %d declarations", s.Tokens, s.Declared),
		"chain " + strings.ReplaceAll(string(s.Chain), "_", " "),
		fmt.Sprintf("%d events to look at", s.Events()),
		"key ages " + strings.ReplaceAll(string(s.Keys), "_", " "),
	}
	return strings.Join(parts, ", ")
}
