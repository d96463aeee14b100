package trace

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"signet/audit"
)

// find fills in the records of the subject, the lineage and the events.
func (f *files) find(ctx context.Context, s *Subject, r *Report) error {
	if len(f.paths) == 0 {
		return nil
	}
	if err := f.openable(); err != nil {
		return err
	}
	sid := s.SID
	err := f.search(ctx, []string{s.JTI, s.input}, func(one Record) {
		if one.JTI != s.JTI && (s.input == "" || one.Input != s.input) {
			return
		}
		switch {
		case one.Event == audit.EventToken:
			r.Records = append(r.Records, one)
			sid = cmp.Or(sid, one.SID)
		case s.JTI != "" && one.Event != audit.EventCanary:
			r.Events = append(r.Events, one)
		}
	})
	if err != nil {
		return err
	}
	if sid != "" {
		if err := f.session(ctx, sid, s.JTI, r); err != nil {
			return err
		}
	}
	return f.outcomes(ctx, r)
}

// session finds the records of a session, its steps in the order of their times:
// a token that was asked for again has more than one. Of very long ones the first
// maxRecords that stand in the files are kept.
func (f *files) session(ctx context.Context, sid, jti string, r *Report) error {
	err := f.search(ctx, []string{sid}, func(one Record) {
		switch {
		case one.SID != sid:
		case one.Event == audit.EventToken && len(r.Lineage) < maxRecords:
			r.Lineage = append(r.Lineage, Step{Record: one})
		case one.Event == audit.EventToken:
			f.more = true
		case (jti == "" || one.JTI != jti) && len(r.Events) < maxRecords:
			r.Events = append(r.Events, one)
		}
	})
	slices.SortStableFunc(r.Lineage, func(a, b Step) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Generation, b.Generation))
	})
	slices.SortStableFunc(r.Events, func(a, b Record) int { return a.Time.Compare(b.Time) })
	return err
}

// batchKey names a batch: numbers begin anew with a process whose records have
// no file to go on with, so the first outcome after a declaration is its.
type batchKey struct {
	replica string
	batch   uint64
}

// outcomes finds what became of the declarations.
func (f *files) outcomes(ctx context.Context, r *Report) error {
	waiting := map[batchKey][]*Record{}
	want := func(one *Record) {
		k := batchKey{one.Replica, one.Batch}
		waiting[k] = append(waiting[k], one)
	}
	for i := range r.Records {
		want(&r.Records[i])
	}
	for i := range r.Lineage {
		want(&r.Lineage[i].Record)
	}
	if len(waiting) == 0 {
		return nil
	}
	best := map[*Record]Record{}
	err := f.search(ctx, []string{string(audit.EventBatch)}, func(batch Record) {
		for _, one := range waiting[batchKey{batch.Replica, batch.Batch}] {
			if b, ok := best[one]; batch.Event == audit.EventBatch && !batch.Time.Before(one.Time) && (!ok || batch.Time.Before(b.Time)) {
				best[one] = batch
			}
		}
	})
	for one, batch := range best {
		one.BatchOutcome, one.BatchRequestID = outcome(one, &batch), batch.RequestID
	}
	return err
}

// outcome of a declaration: those of a batch follow its first record in order.
func outcome(one, batch *Record) audit.Outcome {
	if len(batch.Outcomes) == 0 {
		return batch.Outcome
	}
	place := one.Seq - one.Batch
	if place < uint64(len(batch.Outcomes)) {
		return batch.Outcomes[place]
	}
	return ""
}

// where is a record's place for people.
func (r *Record) where() string { return r.File + ":" + strconv.FormatInt(r.Line, 10) }
