package report_test

import (
	"testing"
	"time"

	"signet/audit"
	"signet/audit/report"
	"signet/vaultkeys/lifecycle"
)

var (
	begin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday
	hour  = time.Hour
	day   = 24 * time.Hour
)

var ring = report.Ring{Name: "es", Policy: lifecycle.Policy{
	PublishDelay: day, MaxTTL: hour, RotationPeriod: 90 * day, RetireMargin: 5 * time.Minute,
	RefreshInterval: 10 * time.Second, ClockSkew: 5 * time.Second,
}}

// journal numbers the records of replicas.
type journal struct {
	*report.Collector
	seq map[string]uint64
}

func newJournal(cfg report.Config) *journal {
	if cfg.Now.IsZero() {
		cfg.Now = begin.Add(365 * day)
	}
	return &journal{report.New(cfg), map[string]uint64{}}
}

func (j *journal) add(at time.Time, r audit.Record) {
	if r.Replica == "" {
		r.Replica = "signet-0"
	}
	j.seq[r.Replica]++
	r.V, r.Seq, r.Time = audit.Version, j.seq[r.Replica], at
	j.Record(&r)
}

// declare declares tokens of one batch.
func (j *journal) declare(at time.Time, tokens ...audit.Record) uint64 {
	first := j.seq["signet-0"] + 1
	for _, r := range tokens {
		if r.Event == "" {
			r.Event = audit.EventToken
		}
		r.Batch = first
		j.add(at, r)
	}
	return first
}

func (j *journal) outcome(at time.Time, batch uint64, items int, outcomes ...audit.Outcome) {
	r := audit.Record{Event: audit.EventBatch, Batch: batch, Items: items, Outcome: outcomes[0]}
	if len(outcomes) > 1 {
		r.Outcome, r.Outcomes = "", outcomes
	}
	j.add(at, r)
}

// issue is a batch whose tokens are all issued.
func (j *journal) issue(at time.Time, tokens ...audit.Record) {
	j.outcome(at, j.declare(at, tokens...), len(tokens), audit.OutcomeIssued)
}

func token(client string) audit.Record {
	return audit.Record{ClientID: client, Grant: "client_credentials", Audience: []string{"a"}, Ring: "es", KeyVersion: 1}
}

// totals are the values of a dimension by name.
func totals(r *report.Report, dimension string) map[string]uint64 {
	out := map[string]uint64{}
	for _, v := range r.Dimension(dimension).Values {
		out[v.Value] = v.Total
	}
	return out
}

func same(t *testing.T, what string, got, want map[string]uint64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
		return
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%s: %s is %d, want %d", what, name, got[name], n)
		}
	}
}
