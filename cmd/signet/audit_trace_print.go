package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"signet/audit/trace"
)

func printTrace(out io.Writer, r *trace.Report, format output) error {
	if format == outputJSON {
		return encodeJSON(out, r)
	}
	for i := range r.Signatures {
		if err := printSignature(out, &r.Signatures[i]); err != nil {
			return err
		}
	}
	for i := range r.Records {
		if err := printRecord(out, &r.Records[i]); err != nil {
			return err
		}
	}
	if err := printLineage(out, r.Lineage); err != nil {
		return err
	}
	if err := printEvents(out, r.Events); err != nil {
		return err
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintln(out, "note:", printable(note)); err != nil {
			return err
		}
	}
	return nil
}

// blank parts what belongs to different files.
func blank(out io.Writer) { _, _ = fmt.Fprintln(out) } // the next line tells the error

// exact is a time as auditors compare them between files.
func exact(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func keyVersion(n int) string {
	if n == 0 {
		return none
	}
	return strconv.Itoa(n)
}

// printSignature prints one below the other: there are mostly one or two, of many
// and long members.
func printSignature(out io.Writer, s *trace.Signature) error {
	t := newTable(out)
	defer blank(out)
	t.row("VAULT'S LOG", fmt.Sprintf("%s:%d", s.File, s.Line))
	result := string(s.Result)
	if s.Error != "" {
		result += ": " + printable(s.Error)
	}
	t.row("  result", result)
	t.row("  time", exact(s.Time))
	t.row("  Vault request id", printable(s.RequestID))
	t.row("  path", printable(s.Path))
	t.row("  key", printable(orNone(s.Key)))
	t.row("  key version", keyVersion(s.KeyVersion))
	t.row("  entity", printable(orNone(s.EntityID)))
	t.row("  accessor", printable(orNone(s.Accessor)))
	t.row("  display name", printable(orNone(s.DisplayName)))
	t.row("  policies", printable(orNone(strings.Join(s.Policies, ","))))
	t.row("  remote address", printable(orNone(s.RemoteAddr)))
	t.row("  item", fmt.Sprintf("%d of %d in the request", s.Item, s.Items))
	t.row("  found by", s.By)
	return t.Flush()
}

func printRecord(out io.Writer, r *trace.Record) error {
	t := newTable(out)
	defer blank(out)
	t.row("ISSUANCE RECORD", fmt.Sprintf("%s:%d", r.File, r.Line))
	t.row("  outcome", orNone(string(r.BatchOutcome)))
	t.row("  time", exact(r.Time))
	t.row("  replica", printable(r.Replica))
	t.row("  jti", printable(orNone(r.JTI)))
	t.row("  client", printable(orNone(r.ClientID)))
	t.row("  subject", printable(orNone(r.Subject)))
	t.row("  audience", printable(orNone(strings.Join(r.Audience, " "))))
	t.row("  scope", printable(orNone(r.Scope)))
	t.row("  grant", printable(orNone(r.Grant)))
	t.row("  session", printable(orNone(r.SID)))
	t.row("  expires", expiry(r.Expiry))
	t.row("  key, version", printable(r.Ring)+", "+keyVersion(r.KeyVersion))
	t.row("  Vault request id", printable(orNone(r.BatchRequestID)))
	t.row("  remote address", printable(orNone(r.Remote)))
	t.row("  trace id", printable(orNone(r.TraceID)))
	return t.Flush()
}

func expiry(seconds int64) string {
	if seconds == 0 {
		return none
	}
	return utc(time.Unix(seconds, 0))
}

func printLineage(out io.Writer, steps []trace.Step) error {
	if len(steps) == 0 {
		return nil
	}
	t := newTable(out)
	defer blank(out)
	t.row("SESSION", "GENERATION", "GRANT", "JTI", "OUTCOME", "KEY VERSION", "VAULT REQUEST", "SIGNED AT", "RECORD")
	for i := range steps {
		s := &steps[i]
		request, at := none, none
		if len(s.Signatures) > 0 {
			first := &s.Signatures[0]
			request, at = printable(first.RequestID), exact(first.Time)
			if more := len(s.Signatures) - 1; more > 0 {
				at += fmt.Sprintf(" and %d more", more)
			}
		}
		t.row(exact(s.Time), strconv.FormatUint(uint64(s.Generation), 10), printable(orNone(s.Grant)), printable(s.JTI),
			orNone(string(s.BatchOutcome)), keyVersion(s.KeyVersion), request, at, fmt.Sprintf("%s:%d", s.File, s.Line))
	}
	return t.Flush()
}

func printEvents(out io.Writer, events []trace.Record) error {
	if len(events) == 0 {
		return nil
	}
	t := newTable(out)
	defer blank(out)
	t.row("EVENT", "AT", "KIND", "CLIENT", "REASON", "RECORD")
	for i := range events {
		e := &events[i]
		t.row(string(e.Event), exact(e.Time), printable(orNone(e.Kind)), printable(orNone(e.ClientID)), printable(orNone(e.Reason)), fmt.Sprintf("%s:%d", e.File, e.Line))
	}
	return t.Flush()
}
