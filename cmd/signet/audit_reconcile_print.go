package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"signet/audit/reconcile"
)

// reconcileTable prints the findings kind by kind, the first limit of each; 0 = all.
func reconcileTable(out io.Writer, r *reconcile.Result, limit int) error {
	s := &r.Summary
	for _, kind := range reconcile.Kinds {
		n := s.Findings[kind]
		if n == 0 {
			continue
		}
		if _, err := fmt.Fprintf(out, "%s: %d\n", kind, n); err != nil {
			return err
		}
		said := ""
		if err := r.Each(kind, limit, func(f *reconcile.Finding) error {
			message := f.Message
			if message == said {
				message = ""
			}
			said = f.Message
			return findingLines(out, f, message)
		}); err != nil {
			return err
		}
		if limit > 0 && n > limit {
			if _, err := fmt.Fprintf(out, "  and %d more; --all shows them\n", n-limit); err != nil {
				return err
			}
		}
	}
	return reconcileSummary(out, s)
}

// findingLines prints one finding; message is empty if it is the same as before.
func findingLines(out io.Writer, f *reconcile.Finding, message string) error {
	pairs := []struct{ name, value string }{
		{"", f.Operation},
		{"", f.Path},
		{"item ", item(f.Item)},
		{"version ", number(f.KeyVersion)},
		{"key ", keyUnlessIn(f)},
		{"jti ", f.JTI},
		{"client ", f.ClientID},
		{"request ", f.RequestID},
		{"by ", f.Who.DisplayName},
		{"from ", f.Who.RemoteAddress},
		{"entity ", f.Who.EntityID},
		{"accessor ", f.Who.Accessor},
	}
	var what []string
	for _, p := range pairs {
		if p.value != "" {
			what = append(what, p.name+printable(p.value))
		}
	}
	where := make([]string, 0, 3)
	for _, place := range []string{f.Log, f.Record, f.OtherRecord} {
		if place != "" {
			where = append(where, printable(place))
		}
	}
	if _, err := fmt.Fprintf(out, "  %s  %s  %s\n", utc(f.Time), strings.Join(where, "  "), strings.Join(what, ", ")); err != nil {
		return err
	}
	if message == "" {
		return nil
	}
	_, err := fmt.Fprintf(out, "    %s\n", printable(message))
	return err
}

func item(i *int) string {
	if i == nil {
		return ""
	}
	return fmt.Sprint(*i)
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// keyUnlessIn is the key of a finding whose path does not say it.
func keyUnlessIn(f *reconcile.Finding) string {
	if strings.Contains(f.Path, f.Key) {
		return ""
	}
	return f.Key
}

func reconcileSummary(out io.Writer, s *reconcile.Summary) error {
	lines := []string{fmt.Sprintf("Vault's log: from %s to %s, records of %d replicas:", utc(s.LogFrom), utc(s.LogTo), len(s.Replicas))}
	for _, r := range s.Replicas {
		chain := "chain whole"
		if !r.Intact {
			chain = "chain BROKEN"
		}
		lines = append(lines, fmt.Sprintf("  %s: from %s to %s, %d records, %s", printable(r.Name), utc(r.From), utc(r.To), r.Records, chain))
	}
	for _, note := range s.Notes {
		lines = append(lines, "note: "+printable(note))
	}
	lines = append(lines, fmt.Sprintf("%d signatures, %d declarations: %d honest retries, %d discarded, %d of unknown outcome, %d without one, %d canaries; %d signatures of checks and labels; %d not covered by the log; %d accepted",
		s.Signatures, s.Declarations, s.Retries, s.Discarded, s.Unknown, s.NoOutcome, s.Canaries, s.Known, s.NotCovered, s.Accepted))
	last := "no findings"
	if n := s.Total(); n > 0 {
		last = fmt.Sprintf("%d findings", n)
	}
	_, err := fmt.Fprintln(out, strings.Join(append(lines, last), "\n"))
	return err
}

// reconcileJSON prints one object. The findings are written one by one, for
// there may be millions; a program gets all of them.
func reconcileJSON(out io.Writer, r *reconcile.Result, _ int) error {
	if _, err := io.WriteString(out, `{"v":1,"findings":[`); err != nil {
		return err
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	comma := ""
	for _, kind := range reconcile.Kinds {
		if err := r.Each(kind, 0, func(f *reconcile.Finding) error {
			if _, err := io.WriteString(out, comma+"\n"); err != nil {
				return err
			}
			comma = ","
			return encoder.Encode(f)
		}); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(out, `],"summary":`); err != nil {
		return err
	}
	if err := encoder.Encode(&r.Summary); err != nil {
		return err
	}
	_, err := io.WriteString(out, "}\n")
	return err
}
