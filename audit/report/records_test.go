package report_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"signet/audit"
	"signet/audit/report"
	"signet/vaultkeys"
)

func TestTokensCountOnceTheyAreIssued(t *testing.T) {
	j := newJournal(report.Config{})
	j.issue(begin, token("a"), token("b"))
	// Refused by Vault, and declared anew: one token, two declarations.
	retried := j.declare(begin, token("a"))
	j.outcome(begin, retried, 1, audit.OutcomeDiscarded)
	j.issue(begin, token("a"))
	mixed := j.declare(begin, token("c"), token("d"), token("e"))
	j.outcome(begin, mixed, 3, audit.OutcomeIssued, audit.OutcomeUnknown, audit.OutcomeIssued)
	j.declare(begin, token("lost"))
	r := j.Report()
	same(t, "clients", totals(r, report.TokensByClient), map[string]uint64{"a": 2, "b": 1, "c": 1, "e": 1})
	same(t, "declarations", totals(r, report.Declarations), map[string]uint64{"issued": 5, "discarded": 1, "unknown": 1, report.NoOutcome: 1})
	if s := r.Summary; s.Tokens != 5 || s.Declared != 8 || s.NoOutcome != 1 {
		t.Errorf("summary %+v", s)
	}
}

func TestTokensByAllDimensions(t *testing.T) {
	j := newJournal(report.Config{})
	j.issue(begin,
		audit.Record{ClientID: "a", Grant: "issue", Audience: []string{"x", "y"}, Ring: "es", KeyVersion: 3},
		audit.Record{ClientID: "b", Grant: "refresh_token", Audience: []string{"x"}, Ring: "ed", KeyVersion: 1},
		audit.Record{Ring: "es", KeyVersion: 4})
	r := j.Report()
	for dimension, want := range map[string]map[string]uint64{
		report.TokensByClient:     {"a": 1, "b": 1, "(none)": 1},
		report.TokensByAudience:   {"x": 2, "y": 1, "(none)": 1},
		report.TokensByGrant:      {"issue": 1, "refresh_token": 1, "(none)": 1},
		report.TokensByRing:       {"es": 2, "ed": 1},
		report.TokensByKeyVersion: {"es v3": 1, "es v4": 1, "ed v1": 1},
	} {
		same(t, dimension, totals(r, dimension), want)
	}
}

func TestOtherEvents(t *testing.T) {
	j := newJournal(report.Config{})
	for _, r := range []audit.Record{
		{Event: audit.EventStart, Torn: 17},
		{Event: audit.EventRefused, ClientID: "a", Code: "invalid_scope"},
		{Event: audit.EventAuthenticationFailed, ClientID: "a", Code: "invalid_client", Count: 40},
		{Event: audit.EventAuthenticationFailed, ClientID: "a", Code: "invalid_client"},
		{Event: audit.EventRevoked, ClientID: "a", Subject: "user:b", Count: 3},
		{Event: audit.EventRevoked, ClientID: "a", SID: "s", Count: 1},
		{Event: audit.EventRevoked, ClientID: "a", JTI: "j"},
		{Event: audit.EventRevoked, Owner: "a", Count: 2},
		{Event: audit.EventRefresh, Kind: "reuse", ClientID: "a"},
		{Event: audit.EventRefresh, Kind: "tampered"},
		{Event: audit.EventRefresh, Kind: "rolled_back"},
		{Event: audit.EventRefresh, Kind: "foreign_client"},
		{Event: audit.EventRefresh, Kind: "grace"},
		{Event: audit.EventRefresh, Kind: "roll_forward"},
		{Event: audit.EventWithheld, JTI: "j", Reason: "redis"},
		{Event: audit.EventLost, Count: 9},
		{Event: audit.EventRefused, Code: "invalid_scope", Count: 6},
		{Event: audit.EventKeys, Kind: vaultkeys.EventPublished, Ring: "es"},
		{Event: audit.EventKeys, Kind: vaultkeys.EventSigning, Ring: "es"},
		{Event: audit.EventKeys, Kind: vaultkeys.EventRetired, Ring: "es"},
		{Event: audit.EventKeys, Kind: "version_vanished", Ring: "es"},
		{Event: audit.EventClients, Kind: "refused", Reason: "line 4"},
		{Event: audit.EventStop},
	} {
		j.add(begin, r)
	}
	for _, outcome := range []audit.Outcome{audit.OutcomeIssued, audit.OutcomeUnknown, audit.OutcomeDiscarded} {
		j.outcome(begin, j.declare(begin, audit.Record{Event: audit.EventCanary}), 1, outcome)
	}
	r := j.Report()
	s := r.Summary
	want := report.Summary{
		Replicas: 1, Chain: report.ChainIntact, Reuse: 1, OtherSecurity: 3, Revocations: 4, Alarms: 9 + 2 + 1, Refused: 7,
		AuthenticationFailed: 41, Canaries: 3, CanariesFailed: 2, Keys: report.UnknownAge,
	}
	if s != want || s.Events() != 1+3+4+12 {
		t.Errorf("summary %+v\nwant    %+v", s, want)
	}
	same(t, "revoked", totals(r, report.Revoked), map[string]uint64{"subject": 1, "session": 1, "token": 1, "client": 1})
	same(t, "sessions ended", totals(r, report.SessionsEnded), map[string]uint64{"subject": 3, "session": 1, "client": 2})
	same(t, "processes", totals(r, report.Processes), map[string]uint64{"started": 1, "torn": 1, "stopped": 1})
	same(t, "withheld", totals(r, report.Withheld), map[string]uint64{"redis": 1})
	same(t, "clients file", totals(r, report.ClientsFile), map[string]uint64{"refused": 1})
	same(t, "rings seen", totals(r, report.RingsSeen), map[string]uint64{"published": 1, "signing": 1, "retired": 1, "version_vanished": 1})
	if n := len(r.Events.Listed); n != 11 { // grace and roll_forward need nobody's look
		t.Errorf("%d events listed", n)
	}
}

func TestOutcomesComeInAnyOrder(t *testing.T) {
	j := newJournal(report.Config{})
	// A rotated file that is read too late: the outcome is there before.
	j.Record(&audit.Record{Seq: 9, Time: begin, Replica: "r", Event: audit.EventBatch, Batch: 7, Items: 2, Outcomes: []audit.Outcome{"issued", "unknown"}})
	for seq := uint64(7); seq < 9; seq++ {
		j.Record(&audit.Record{Seq: seq, Time: begin, Replica: "r", Event: audit.EventToken, Batch: 7, ClientID: fmt.Sprint("c", seq), Ring: "es", KeyVersion: 1})
	}
	// A process that begins anew on stdout uses the same numbers.
	for life := range 2 {
		at := begin.Add(time.Duration(life) * hour)
		j.Record(&audit.Record{Seq: 1, Time: at, Replica: "s", Event: audit.EventStart})
		j.Record(&audit.Record{Seq: 2, Time: at, Replica: "s", Event: audit.EventToken, Batch: 2, ClientID: fmt.Sprint("life", life), Ring: "es", KeyVersion: 1})
	}
	j.Record(&audit.Record{Seq: 3, Time: begin.Add(hour), Replica: "s", Event: audit.EventBatch, Batch: 2, Items: 1, Outcome: "issued"})
	// Only the end of a batch was given: what became of which is not known.
	j.Record(&audit.Record{Seq: 5, Time: begin, Replica: "u", Event: audit.EventToken, Batch: 4, ClientID: "half", Ring: "es", KeyVersion: 1})
	j.Record(&audit.Record{Seq: 6, Time: begin, Replica: "u", Event: audit.EventBatch, Batch: 4, Items: 2, Outcomes: []audit.Outcome{"issued", "unknown"}})
	r := j.Report()
	same(t, "clients", totals(r, report.TokensByClient), map[string]uint64{"c7": 1, "life1": 1})
	same(t, "declarations", totals(r, report.Declarations), map[string]uint64{"issued": 2, "unknown": 2, report.NoOutcome: 1})
}

func TestSinceAndUntil(t *testing.T) {
	j := newJournal(report.Config{Since: begin.Add(hour), Until: begin.Add(3 * hour)})
	for i := range 5 {
		j.issue(begin.Add(time.Duration(i)*hour), token(fmt.Sprint(i)))
		j.add(begin.Add(time.Duration(i)*hour), audit.Record{Event: audit.EventRefused, Code: fmt.Sprint(i)})
	}
	r := j.Report()
	same(t, "clients", totals(r, report.TokensByClient), map[string]uint64{"1": 1, "2": 1})
	same(t, "refused", totals(r, report.RefusedByCode), map[string]uint64{"1": 1, "2": 1})
	if c := r.Coverage.Replicas[0]; c.Records != 15 || !c.From.Equal(begin) || !c.To.Equal(begin.Add(4*hour)) {
		t.Errorf("coverage %+v: it is of all that was read", c)
	}
	if !r.From.Equal(begin.Add(hour)) || !r.To.Equal(begin.Add(3*hour)) {
		t.Errorf("from %v to %v", r.From, r.To)
	}
}

func TestOthers(t *testing.T) {
	j := newJournal(report.Config{Shown: 2, Distinct: 4})
	for i, n := range []int{5, 4, 3, 2, 1, 1, 1} {
		for range n {
			j.issue(begin, token(fmt.Sprint("client-", i)))
		}
	}
	d := j.Report().Dimension(report.TokensByClient)
	if len(d.Values) != 2 || d.Values[0].Total != 5 || d.Values[1].Total != 4 || d.Total != 17 {
		t.Errorf("values %+v of %d", d.Values, d.Total)
	}
	if o := d.Others; o == nil || o.Values != 2 || o.Untracked != 3 || o.Total != 8 || len(o.Periods) != 1 || o.Periods[0].Count != 8 {
		t.Errorf("others %+v", o)
	}
}

func TestLongValuesAreCut(t *testing.T) {
	j := newJournal(report.Config{})
	long := strings.Repeat("é", 5000)
	j.issue(begin, token(long+"1"), token(long+"2"))
	values := j.Report().Dimension(report.TokensByClient).Values
	if len(values) != 2 || len(values[0].Value) > 260 || !strings.HasPrefix(values[0].Value, "ééé") || !strings.Contains(values[0].Value, "(10001 bytes") {
		t.Errorf("%+v", values)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const many = 100_000
	j := newJournal(report.Config{Distinct: 1000})
	for i := range many {
		j.Record(&audit.Record{Seq: uint64(i + 1), Time: begin, Replica: "r", Event: audit.EventToken, Batch: uint64(i + 1), ClientID: fmt.Sprint(i), Ring: "es", KeyVersion: i})
	}
	r := j.Report()
	if s := r.Summary; s.Declared != many || s.NoOutcome != many {
		t.Errorf("summary %+v", s)
	}
	j = newJournal(report.Config{Distinct: 1000})
	for i := range many {
		j.add(begin, audit.Record{Event: audit.EventAuthenticationFailed, ClientID: fmt.Sprint(i), Code: "invalid_client", Replica: fmt.Sprint("r", i%20_000)})
		j.add(begin, audit.Record{Event: audit.EventRefresh, Kind: "reuse", Replica: "r0"})
	}
	r = j.Report()
	d := r.Dimension(report.AuthenticationFailedByClient)
	if d.Total != many || d.Others.Untracked != many-1000 {
		t.Errorf("total %d, others %+v", d.Total, d.Others)
	}
	if e := r.Events; len(e.Listed)+e.LeftOut != many || len(e.Listed) > 1000 {
		t.Errorf("%d events listed, %d left out", len(e.Listed), e.LeftOut)
	}
	if n := len(r.Coverage.Replicas); n > 10_001 {
		t.Errorf("%d replicas", n)
	}
}

// TestNothingIsLost: whatever the order, the times and the unit, the counts by
// period add up to the totals, and the totals to what was told.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]report.Unit{"", report.Hour, report.Day, report.Week}).Draw(t, "unit")
		j := newJournal(report.Config{Unit: unit, Shown: rapid.IntRange(1, 4).Draw(t, "shown"), Distinct: rapid.IntRange(1, 6).Draw(t, "distinct")})
		span := rapid.SampledFrom([]time.Duration{hour, 3 * day, 90 * day, 1000 * day}).Draw(t, "span")
		var issued, refused uint64
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			at := begin.Add(time.Duration(rapid.Int64Range(-int64(span), int64(span)).Draw(t, "at")))
			if rapid.Bool().Draw(t, "token") {
				n := rapid.IntRange(1, 4).Draw(t, "n")
				all := make([]audit.Record, n)
				for i := range all {
					all[i] = token(fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "client")))
				}
				j.issue(at, all...)
				issued += uint64(n)
				continue
			}
			j.add(at, audit.Record{Event: audit.EventRefused, Code: fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "code"))})
			refused++
		}
		r := j.Report()
		for name, want := range map[string]uint64{report.TokensByClient: issued, report.TokensByAudience: issued, report.RefusedByCode: refused} {
			checkSums(t, r, r.Dimension(name), want)
		}
		if unit != "" && r.Period != unit {
			t.Fatalf("counted by the %s instead of the %s", r.Period, unit)
		}
	})
}

func checkSums(t *rapid.T, r *report.Report, d *report.Dimension, want uint64) {
	var all uint64
	sum := func(what string, total uint64, periods []report.Count) {
		var n uint64
		for i, p := range periods {
			n += p.Count
			if !r.Period.Floor(p.Start).Equal(p.Start) || i > 0 && !periods[i-1].Start.Before(p.Start) {
				t.Fatalf("%s of %s: period %v", what, d.Name, p.Start)
			}
		}
		if n != total {
			t.Fatalf("%s of %s: the periods have %d, the total is %d", what, d.Name, n, total)
		}
		all += n
	}
	for _, v := range d.Values {
		sum(v.Value, v.Total, v.Periods)
	}
	if o := d.Others; o != nil {
		sum("others", o.Total, o.Periods)
	}
	if all != want || d.Total != want {
		t.Fatalf("%s: %d in values, total %d, told %d", d.Name, all, d.Total, want)
	}
}

func TestUnitBySpan(t *testing.T) {
	for _, c := range []struct {
		span time.Duration
		want report.Unit
	}{{0, report.Hour}, {72 * hour, report.Hour}, {73 * hour, report.Day}, {92 * day, report.Day}, {93 * day, report.Week}} {
		j := newJournal(report.Config{})
		j.issue(begin, token("a"))
		j.issue(begin.Add(c.span), token("a"))
		r := j.Report()
		if r.Period != c.want {
			t.Errorf("%v is counted by the %s", c.span, r.Period)
		}
		if given := newJournal(report.Config{Since: begin, Until: begin.Add(c.span)}).Report(); c.span > 0 && given.Period != c.want {
			t.Errorf("--since and --until %v apart are counted by the %s", c.span, given.Period)
		}
	}
}

func TestWeeksBeginOnMonday(t *testing.T) {
	for _, c := range []struct {
		unit     report.Unit
		at, want string
	}{
		{report.Week, "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z"},
		{report.Week, "2026-03-08T23:59:59Z", "2026-03-02T00:00:00Z"},
		{report.Week, "1969-12-28T23:59:59Z", "1969-12-22T00:00:00Z"},
		{report.Day, "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z"},
		{report.Hour, "2026-03-08T23:59:59+05:30", "2026-03-08T18:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.unit.Floor(at).Format(time.RFC3339); got != c.want {
			t.Errorf("the %s of %s begins %s, want %s", c.unit, c.at, got, c.want)
		}
	}
}
