package feed

import (
	"context"
	"fmt"

	"signet/audit"
	"signet/audit/records"
	"signet/audit/report"
)

// Records tells c of every record of the files of cfg, and of every place where
// their chain is broken or a line is no record. cfg.Problem is not used.
func Records(ctx context.Context, cfg records.Config, c *report.Collector) error {
	cfg.Problem = func(p records.Problem) error {
		c.Break(report.Break{Replica: p.Replica, File: cfg.Paths[p.Place.File], Line: p.Place.Line, Problem: p.What})
		return nil
	}
	summary, err := records.Read(ctx, cfg, func(r *records.Record) error {
		one, err := whole(r)
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", cfg.Paths[r.Place.File], r.Place.Line, err)
		}
		c.Record(&one)
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range summary.Notes {
		c.Note("%s", n)
	}
	return nil
}

// itemsMax bounds what an outcome says of one batch; Signet's have 128 at most.
const itemsMax = 1 << 16

// whole is a record as far as a report needs it. Nearly all records are
// declarations and outcomes: those are not decoded as a whole.
func whole(r *records.Record) (audit.Record, error) {
	out := audit.Record{
		V: audit.Version, Seq: r.Seq, Time: r.Time, Replica: string(r.Replica), Event: r.Event, Batch: r.Batch, Items: r.Items, Outcome: r.Outcome,
	}
	switch r.Event {
	case audit.EventToken:
		if declared(r, &out) {
			return out, nil
		}
		return r.Full()
	case audit.EventBatch:
		if r.Outcome == "" {
			for i := range min(r.Items, itemsMax) {
				out.Outcomes = append(out.Outcomes, r.OutcomeOf(i))
			}
		}
	case audit.EventStart, audit.EventStop, audit.EventCanary, audit.EventWithheld, audit.EventRefused, audit.EventAuthenticationFailed,
		audit.EventRevoked, audit.EventRefresh, audit.EventKeys, audit.EventClients, audit.EventLost:
		return r.Full()
	}
	return out, nil
}
