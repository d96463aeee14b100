package report

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"signet/audit"
	"signet/refresh"
)

// Version is that of the report's JSON, the member "v".
const Version = 1

// Report is all that was counted.
type Report struct {
	V int `json:"v"`
	// Made is when.
	Made time.Time `json:"made"`
	// From and To are what was asked for, else from the first to the last of what
	// was counted; zero if nothing was.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Period is the unit of all counts by period.
	Period     Unit        `json:"period"`
	Summary    Summary     `json:"summary"`
	Notes      []string    `json:"notes"`
	Coverage   Coverage    `json:"coverage"`
	Dimensions []Dimension `json:"dimensions"`
	Keys       Keys        `json:"keys"`
	Events     Events      `json:"events"`
}

// Summary is what is read in ten seconds.
type Summary struct {
	// Tokens were issued. Declared are those and all that came to nothing;
	// NoOutcome are those of which the records do not say what became of them.
	Tokens    uint64 `json:"tokens"`
	Declared  uint64 `json:"declared"`
	NoOutcome uint64 `json:"no_outcome"`
	Replicas  int    `json:"replicas"`
	// Chain says whether the records follow each other without a gap.
	Chain Chain `json:"chain"`
	// Reuse are refresh tokens that came twice, OtherSecurity the other refresh
	// events that need a look.
	Reuse         uint64 `json:"reuse"`
	OtherSecurity uint64 `json:"other_security"`
	Revocations   uint64 `json:"revocations"`
	// Alarms are records lost, canaries that failed, changes of keys that Signet
	// never makes, and replicas' alarms about key rings.
	Alarms               uint64 `json:"alarms"`
	Emergencies          uint64 `json:"emergencies"`
	Refused              uint64 `json:"refused"`
	AuthenticationFailed uint64 `json:"authentication_failed"`
	Rotations            uint64 `json:"rotations"`
	Canaries             uint64 `json:"canaries"`
	CanariesFailed       uint64 `json:"canaries_failed"`
	// Keys is the worst verdict on an age.
	Keys Verdict `json:"keys"`
}

// Events is how many of what was counted somebody should look at.
func (s *Summary) Events() uint64 {
	return s.Reuse + s.OtherSecurity + s.Revocations + s.Alarms + s.Emergencies
}

// Chain is the state of the chain of records.
type Chain string

// The states of the chain.
const (
	ChainIntact Chain = "intact"
	ChainBroken Chain = "broken"
	ChainNone   Chain = "no_records"
)

// Dimension are the counts of one kind, by value and period.
type Dimension struct {
	Name  string `json:"name"`
	Total uint64 `json:"total"`
	// Values are the largest, in the order of their totals.
	Values []Value `json:"values"`
	// Others are the rest; nil if there is none.
	Others *Others `json:"others"`
}

// Value is one value's counts.
type Value struct {
	Value   string  `json:"value"`
	Total   uint64  `json:"total"`
	Periods []Count `json:"periods"`
}

// Count is that of one period, named by its start. Periods without any are
// left out.
type Count struct {
	Start time.Time `json:"start"`
	Count uint64    `json:"count"`
}

// Others are the values that are not named.
type Others struct {
	// Values is how many.
	Values int `json:"values"`
	// Untracked is how much of Total belongs to values that are not even in
	// Values, for there were too many to tell apart.
	Untracked uint64  `json:"untracked"`
	Total     uint64  `json:"total"`
	Periods   []Count `json:"periods"`
}

// Dimension returns the one of that name, empty if nothing was counted.
func (r *Report) Dimension(name string) *Dimension {
	for i := range r.Dimensions {
		if r.Dimensions[i].Name == name {
			return &r.Dimensions[i]
		}
	}
	return &Dimension{Name: name, Values: []Value{}}
}

// Of is the total of one value.
func (d *Dimension) Of(value string) uint64 {
	for i := range d.Values {
		if d.Values[i].Value == value {
			return d.Values[i].Total
		}
	}
	return 0
}

// Report adds up. The Collector must not be told of more after it.
func (c *Collector) Report() *Report {
	c.batches.finish()
	c.events.cut(eventsMax)
	c.changes.cut(changesMax)
	out := &Report{
		V: Version, Made: c.cfg.Now.UTC(), From: c.first.UTC(), To: c.last.UTC(), Period: c.unit,
		Notes: append([]string{}, c.notes...), Coverage: c.coverage(), Dimensions: []Dimension{}, Keys: c.keyAges(), Events: c.events,
	}
	if !c.cfg.Since.IsZero() {
		out.From = c.cfg.Since.UTC()
	}
	if !c.cfg.Until.IsZero() {
		out.To = c.cfg.Until.UTC()
	}
	for _, name := range order {
		if d := c.dimensions[name]; d != nil {
			out.Dimensions = append(out.Dimensions, c.dimension(name, d))
		}
	}
	if out.Events.Listed == nil {
		out.Events.Listed = []Event{}
	}
	if out.Keys.Changes.Listed == nil {
		out.Keys.Changes.Listed = []Change{}
	}
	out.Summary = out.summary()
	return out
}

func (c *Collector) dimension(name string, d *dimension) Dimension {
	names := slices.Collect(maps.Keys(d.values))
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(d.values[b].total, d.values[a].total), strings.Compare(a, b))
	})
	out := Dimension{Name: name, Values: []Value{}}
	shown := c.cfg.Shown
	if closed[name] {
		shown = len(names)
	}
	rest := &series{}
	for i, value := range names {
		s := d.values[value]
		out.Total += s.total
		if i >= shown {
			rest.merge(s)
			continue
		}
		out.Values = append(out.Values, Value{value, s.total, c.periods(s)})
	}
	hidden := len(names) - min(shown, len(names))
	if hidden > 0 || d.untracked.total > 0 {
		out.Total += d.untracked.total
		rest.merge(&d.untracked)
		out.Others = &Others{Values: hidden, Untracked: d.untracked.total, Total: rest.total, Periods: c.periods(rest)}
	}
	return out
}

func (c *Collector) periods(s *series) []Count {
	out := make([]Count, 0, len(s.cells))
	for _, cell := range s.cells {
		out = append(out, Count{c.unit.start(cell.period), cell.count})
	}
	return out
}

func (r *Report) summary() Summary {
	declared, canaries, refreshes, changes := r.Dimension(Declarations), r.Dimension(Canaries), r.Dimension(Refresh), r.Dimension(KeyRequests)
	s := Summary{
		Tokens: declared.Of(string(audit.OutcomeIssued)), Declared: declared.Total, NoOutcome: declared.Of(NoOutcome),
		Replicas: len(r.Coverage.Replicas), Chain: ChainIntact, Keys: r.Keys.Verdict,
		Reuse: refreshes.Of(string(refresh.EventReuse)), Revocations: r.Dimension(Revoked).Total,
		Refused: r.Dimension(RefusedByCode).Total, AuthenticationFailed: r.Dimension(AuthenticationFailedByCode).Total,
		Rotations: r.Dimension(Rotations).Total, Emergencies: r.Dimension(Emergencies).Total, Canaries: canaries.Total,
		CanariesFailed: canaries.Total - canaries.Of(string(audit.OutcomeIssued)) - canaries.Of(NoOutcome),
	}
	for kind := range security {
		if kind != refresh.EventReuse {
			s.OtherSecurity += refreshes.Of(string(kind))
		}
	}
	s.Alarms = r.Dimension(LostRecords).Total + s.CanariesFailed
	for _, v := range r.Dimension(RingsSeen).Values {
		if !everyday[v.Value] {
			s.Alarms += v.Total
		}
	}
	for _, v := range changes.Values {
		if ChangeKind(v.Value).Alarm() {
			s.Alarms += v.Total
		}
	}
	switch {
	case r.Coverage.Breaks.Count > 0:
		s.Chain = ChainBroken
	case len(r.Coverage.Replicas) == 0:
		s.Chain = ChainNone
	}
	return s
}
