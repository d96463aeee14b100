package report

import (
	"slices"
	"time"

	"signet/audit"
)

// batches joins declarations with the outcome of their batch. Few batches are
// under way at a time, so few are kept; records of several files may come in
// any order, so an outcome may come first.
type batches struct {
	open     map[batchID]*batch
	order    []batchID // oldest first; may name some that are gone
	declared int
	resolved func(d declared, outcome string)
}

type batchID struct {
	replica string
	seq     uint64 // of the batch's first record
}

type batch struct {
	declared []declared
	answer   *answer // nil until it comes
}

// answer is what became of a batch.
type answer struct {
	at       time.Time
	items    int
	outcome  audit.Outcome
	outcomes []audit.Outcome
}

// declared is what a declaration is counted by.
type declared struct {
	at            time.Time
	canary        bool
	client, grant string
	audience      []string
	signedBy      version
}

// version is a key version of a ring.
type version struct {
	ring   string
	number int
}

// The bounds of what is kept: declarations that wait for their outcome, and
// batches with either half.
const (
	declaredMax = 1 << 16
	batchesMax  = 1 << 13
)

// apart is the longest from a declaration to the outcome of its batch. A
// process that begins anew on stdout counts its records from 1 again.
const apart = 15 * time.Minute

func (b *batches) init(resolved func(declared, string)) {
	b.open, b.resolved = map[batchID]*batch{}, resolved
}

func (b *batches) at(r *audit.Record) (*batch, batchID) {
	id := batchID{r.Replica, r.Batch}
	if b.open[id] == nil {
		b.open[id] = &batch{}
		b.order = append(b.order, id)
	}
	return b.open[id], id
}

func (b *batches) declare(r *audit.Record) {
	if r.Seq == r.Batch { // a new batch, of whatever process
		if old := b.open[batchID{r.Replica, r.Batch}]; old != nil && len(old.declared) > 0 {
			b.give(batchID{r.Replica, r.Batch}, old)
		}
	}
	one, id := b.at(r)
	one.declared = append(one.declared, declared{
		at: r.Time, canary: r.Event == audit.EventCanary, client: r.ClientID, grant: r.Grant,
		audience: slices.Clone(r.Audience), signedBy: version{r.Ring, r.KeyVersion},
	})
	b.declared++
	b.join(id, one)
	b.shrink()
}

func (b *batches) outcome(r *audit.Record) {
	one, id := b.at(r)
	one.answer = &answer{at: r.Time, items: r.Items, outcome: r.Outcome, outcomes: slices.Clone(r.Outcomes)}
	b.join(id, one)
	b.shrink()
}

// join settles a batch that is whole.
func (b *batches) join(id batchID, one *batch) {
	if one.answer == nil || len(one.declared) == 0 {
		return
	}
	if wait := one.answer.at.Sub(one.declared[0].at); wait < -apart || wait > apart {
		if wait > 0 { // the outcome is of a later process
			kept := one.answer
			one.answer = nil
			b.give(id, one)
			again := &batch{answer: kept}
			b.open[id], b.order = again, append(b.order, id)
		}
		return
	}
	if len(one.declared) >= one.answer.items {
		b.settle(id, one)
	}
}

// settle tells what became of each declaration.
func (b *batches) settle(id batchID, one *batch) {
	for i, d := range one.declared {
		b.resolved(d, one.answer.of(i, len(one.declared)))
	}
	b.drop(id, one)
}

// of is what became of the i-th of n declarations. Where not all were seen,
// which is which is not known.
func (a *answer) of(i, n int) string {
	switch {
	case len(a.outcomes) == 0:
		return string(a.outcome)
	case len(a.outcomes) == n:
		return string(a.outcomes[i])
	}
	return string(audit.OutcomeUnknown)
}

// give gives up waiting.
func (b *batches) give(id batchID, one *batch) {
	if one.answer != nil {
		b.settle(id, one)
		return
	}
	for _, d := range one.declared {
		b.resolved(d, NoOutcome)
	}
	b.drop(id, one)
}

func (b *batches) drop(id batchID, one *batch) {
	b.declared -= len(one.declared)
	delete(b.open, id)
}

// died gives up what a process declared that is over, as the next one begins.
func (b *batches) died(replica string) {
	for id, one := range b.open {
		if id.replica == replica && len(one.declared) > 0 {
			b.give(id, one)
		}
	}
}

// shrink gives up the oldest.
func (b *batches) shrink() {
	for len(b.order) > 0 && (b.declared > declaredMax || len(b.open) > batchesMax) {
		id := b.order[0]
		b.order = b.order[1:]
		if one := b.open[id]; one != nil {
			b.give(id, one)
		}
	}
	if len(b.order) > 2*batchesMax {
		b.order = slices.DeleteFunc(b.order, func(id batchID) bool { return b.open[id] == nil })
	}
}

// finish gives up the rest.
func (b *batches) finish() {
	for id, one := range b.open {
		b.give(id, one)
	}
	b.order = nil
}
