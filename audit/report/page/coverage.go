package page

import (
	"fmt"
	"slices"

	"signet/audit"
	"signet/audit/report"
	"signet/internal/grouped"
)

func coverageTable(c *report.Coverage) table {
	t := table{
		Caption: "Records by replica",
		Head:    append(texts("Replica", "From (UTC)", "To (UTC)"), numbers("Records", "First seq", "Starts", "Stops", "Torn ends", "Chain breaks")...),
	}
	for _, r := range c.Replicas {
		broken := number(r.Breaks)
		if r.Breaks > 0 {
			broken.Class = "bad"
		}
		t.Rows = append(t.Rows, []field{
			text(display(r.Name, 80)), at(r.From), at(r.To), number(r.Records), number(r.FirstSeq),
			number(r.Starts), number(r.Stops), number(r.Torn), broken,
		})
	}
	t.Note = "First seq above 1: the records begin in the middle of a chain, older files were not given. Torn ends: a process died while it wrote."
	if v := c.VaultLog; v != nil {
		t.Note += fmt.Sprintf(" Vault's audit log was read from %s to %s.", moment(v.From), moment(v.To))
	}
	return t
}

func breakTable(b *report.Breaks) table {
	t := table{Caption: "Where the chain is broken", Head: slices.Concat(texts("File"), numbers("Line"), texts("Replica", "What"))}
	for _, one := range b.Listed {
		t.Rows = append(t.Rows, []field{
			text(display(one.File, 160)), {Text: fmt.Sprint(one.Line), Number: true}, text(display(one.Replica, 80)), text(display(one.Problem, 300)),
		})
	}
	if hidden := b.Count - len(b.Listed); hidden > 0 {
		t.Note = fmt.Sprintf("and %s more: `signet audit reconcile` lists all.", grouped.Thousands(hidden))
	}
	return t
}

// outcomeTable sets what was declared beside what became of it.
func outcomeTable(r *report.Report) table {
	t := table{Caption: "Declarations and canaries by what became of them", Head: append(texts("Outcome"), numbers("Tokens", "Canaries")...)}
	declared, canaries := r.Dimension(report.Declarations), r.Dimension(report.Canaries)
	for _, o := range []struct{ name, text string }{
		{string(audit.OutcomeIssued), "issued"},
		{string(audit.OutcomeDiscarded), "discarded: handed to nobody"},
		{string(audit.OutcomeUnknown), "unknown: Vault's answer did not arrive"},
		{report.NoOutcome, "none: the process died, or the records end before it"},
	} {
		t.Rows = append(t.Rows, []field{text(o.text), number(declared.Of(o.name)), number(canaries.Of(o.name))})
	}
	return t
}
