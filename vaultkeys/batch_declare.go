package vaultkeys

import (
	"context"
	"errors"
	"slices"

	"signet/signer"
)

// declared is a batch that the journal knows of, until it knows what became of it.
type declared struct {
	journal  Journal // nil where no records are kept
	id       uint64
	outcomes []signer.Outcome
}

// declare writes the records of items before Vault is asked. Each attempt
// declares anew: so no signature in Vault's log is without a record of its own.
func (b *Batcher) declare(items []*item) (*declared, error) {
	d := &declared{journal: b.cfg.Journal}
	if d.journal == nil {
		return d, nil
	}
	batch := make([]signer.Declaration, len(items))
	for i, it := range items {
		batch[i] = signer.Declaration{Request: &it.req, Sent: it.sent, Reference: it.reference}
	}
	var err error
	if d.id, err = d.journal.Declare(batch); err != nil {
		return nil, err
	}
	for i, it := range items {
		it.reference = batch[i].Reference
	}
	d.outcomes = make([]signer.Outcome, len(items))
	return d, nil
}

// outcome notes what becomes of item i. What is recorded as issued is what the
// caller takes: it does not leave after this.
func (d *declared) outcome(i int, it *item, err error) {
	if d.journal != nil && (err != nil || !it.handOut()) {
		d.outcomes[i] = signer.Discarded
	}
}

// done writes the outcomes.
func (d *declared) done(requestID string) {
	if d.journal != nil {
		d.journal.Outcome(d.id, requestID, d.outcomes)
	}
}

// failed writes that nobody got anything: err says whether Vault answered.
func (d *declared) failed(requestID string, err error) {
	outcome := signer.Discarded
	if unanswered(err) || errors.Is(err, context.DeadlineExceeded) {
		outcome = signer.Unknown
	}
	d.outcomes = slices.Repeat([]signer.Outcome{outcome}, len(d.outcomes))
	d.done(requestID)
}
