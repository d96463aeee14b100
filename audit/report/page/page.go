package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"signet/audit/report"
	"signet/internal/grouped"
)

//go:embed page.gohtml
var source string

//go:embed style.css
var style string

var pageTemplate = template.Must(template.New("page").Parse(source))

// view is what the template shows.
type view struct {
	Style  template.CSS
	Policy string // the Content-Security-Policy
	Title  string
	Made   string
	Broken string // what is said at the top where the chain is broken
	Breaks *table
	Cards  []card
	Notes  []string
	// Plots are the sections in their order.
	Plots    []section
	Events   table
	Counts   []table
	Coverage []table
}

// card is one answer of the summary.
type card struct {
	Name, Value, Class string
	Details            []string
}

// Write writes the report as one HTML file.
func Write(out io.Writer, r *report.Report) error {
	hash := sha256.Sum256([]byte(style))
	v := view{
		Style:  template.CSS(style), //nolint:gosec // G203: the style sheet is ours
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; img-src data:; base-uri 'none'; form-action 'none'",
		Title:  title(r), Made: moment(r.Made), Cards: cards(r),
	}
	for _, n := range r.Notes {
		v.Notes = append(v.Notes, display(n, 500))
	}
	if b := r.Coverage.Breaks; b.Count > 0 {
		v.Broken = fmt.Sprintf("The chain of records is broken in %s: records are missing or were changed, and the numbers below cannot be relied on.", counted(b.Count, "place", "places"))
		t := breakTable(&b)
		v.Breaks = &t
	}
	c := columnsOf(r)
	v.Plots = ringSections(r, c)
	v.Plots = append(v.Plots,
		barSection(r.Dimension(report.TokensByClient), "clients", "Tokens by client", "Issued tokens by the client that asked for them.", "Client"),
		barSection(r.Dimension(report.TokensByAudience), "audiences", "Tokens by audience", "A token with several audiences counts once for each.", "Audience"),
		barSection(r.Dimension(report.TokensByGrant), "grants", "Tokens by grant", "How they were asked for.", "Grant"),
		ageSection(&r.Keys), changeSection(r), securitySection(r, c))
	v.Events, v.Counts = eventTable(&r.Events), countTables(r)
	v.Coverage = []table{coverageTable(&r.Coverage), outcomeTable(r)}
	if err := pageTemplate.Execute(out, v); err != nil {
		return fmt.Errorf("writing HTML: %w", err)
	}
	return nil
}

func title(r *report.Report) string {
	if r.From.IsZero() {
		return "Signet audit report: nothing was counted"
	}
	return "Signet audit report " + r.From.Format("2006-01-02") + " to " + r.To.Format("2006-01-02")
}

// cards are the summary.
func cards(r *report.Report) []card {
	s := &r.Summary
	keys := card{"Key ages", verdicts[s.Keys].text, verdicts[s.Keys].class, []string{counted(s.Rotations, "rotation", "rotations") + " in Vault's log"}}
	if r.Coverage.VaultLog == nil {
		keys.Details[0] = "Vault's log was not read"
	}
	return []card{
		periodCard(r),
		chainCard(r),
		coverageCard(&r.Coverage),
		{"Tokens issued", grouped.Thousands(s.Tokens), "", outcomes(s)},
		lookAt(s),
		keys,
		{"Refused", grouped.Thousands(s.Refused + s.AuthenticationFailed), "", []string{
			counted(s.Refused, "refusal", "refusals"),
			counted(s.AuthenticationFailed, "authentication failure", "authentication failures"),
		}},
		{"Canaries", grouped.Thousands(s.Canaries), either(s.CanariesFailed == 0, "", "bad"), []string{grouped.Thousands(s.CanariesFailed) + " failed"}},
	}
}

func periodCard(r *report.Report) card {
	if r.From.IsZero() {
		return card{"Period", "nothing", "warn", []string{"nothing was counted"}}
	}
	return card{"Period", age(int64(r.To.Sub(r.From).Seconds())), "", []string{
		"from " + moment(r.From), "to " + moment(r.To), "counted by the " + string(r.Period),
	}}
}

func chainCard(r *report.Report) card {
	switch r.Summary.Chain {
	case report.ChainBroken:
		return card{"Chain of records", "BROKEN", "bad", []string{"run signet audit reconcile"}}
	case report.ChainNone:
		return card{"Chain of records", "no records", "warn", nil}
	case report.ChainIntact:
	}
	return card{"Chain of records", "intact", "good", []string{"each record holds the hash of the one before"}}
}

// coverageCard says from when to when there are records of any replica.
func coverageCard(c *report.Coverage) card {
	if len(c.Replicas) == 0 {
		return card{"Coverage", "none", "warn", []string{"no records were read"}}
	}
	from, to, records := c.Replicas[0].From, c.Replicas[0].To, uint64(0)
	for _, r := range c.Replicas {
		if r.From.Before(from) {
			from = r.From
		}
		if r.To.After(to) {
			to = r.To
		}
		records += r.Records
	}
	return card{"Coverage", counted(len(c.Replicas), "replica", "replicas"), "", []string{
		counted(records, "record", "records"), "from " + moment(from), "to " + moment(to),
	}}
}

func outcomes(s *report.Summary) []string {
	out := []string{counted(s.Declared, "signature", "signatures") + " declared"}
	if s.NoOutcome > 0 {
		out = append(out, grouped.Thousands(s.NoOutcome)+" without an outcome")
	}
	return out
}

// lookAt names what is to be looked at, if anything is.
func lookAt(s *report.Summary) card {
	c := card{"To look at", counted(s.Events(), "event", "events"), "good", nil}
	for _, p := range []struct {
		n                uint64
		one, many, class string
	}{
		{s.Revocations, "revocation", "revocations", "warn"},
		{s.Emergencies, "emergency", "emergencies", "warn"},
		{s.Reuse, "reuse", "reuses", "bad"},
		{s.OtherSecurity, "other security event", "other security events", "bad"},
		{s.Alarms, "alarm", "alarms", "bad"},
	} {
		if p.n > 0 {
			c.Details, c.Class = append(c.Details, counted(p.n, p.one, p.many)), p.class
		}
	}
	if len(c.Details) == 0 {
		c.Details = []string{"no reuse, no revocation, no alarm"}
	}
	return c
}

func either(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}
