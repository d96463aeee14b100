package manual

import (
	"context"
	"fmt"
	"time"

	"signet/vaultkeys/lifecycle"
)

// Retire is what to retire.
type Retire struct {
	// Ring may be empty where there is only one.
	Ring string
	// To is the lowest version that stays; 0 = the one that signs now.
	To int
	// Force retires although live tokens die.
	Force bool
}

// PlanRetire plans to raise min_decryption_version, so that older versions
// verify no more. Before that min_encryption_version has to have stood there
// for the longest life of a token and the margin: if it does not stand there at
// all, the plan is only to raise it, and says when to run again.
func (o *Operator) PlanRetire(ctx context.Context, r Retire) (*Plan, error) {
	l, err := o.lookAt(ctx, r.Ring)
	if err != nil {
		return nil, err
	}
	cfg := l.ring
	signing := l.signing()
	switch {
	case signing == 0:
		return nil, fmt.Errorf("%w: ring %q: no version may sign, for all are revoked; signet keys revoke adds one", ErrRefused, cfg.Name)
	case r.To < 0 || r.To > l.data.LatestVersion:
		return nil, fmt.Errorf("%w: ring %q has no version %d, its latest is %d", ErrChoice, cfg.Name, r.To, l.data.LatestVersion)
	case r.To > signing:
		return nil, fmt.Errorf("%w: ring %q signs with version %d: retiring it for version %d, which verifiers may not know yet, is an emergency (signet keys revoke)",
			ErrRefused, cfg.Name, signing, r.To)
	case r.To == 0:
		r.To = signing
	}
	p := newPlan(l)
	p.again = func(ctx context.Context) (*Plan, error) { return o.PlanRetire(ctx, r) }
	if r.To > l.lowest() {
		o.retire(ctx, l, p, &r)
	} else {
		l.notes.add("ring %s: nothing below version %d is left to retire", cfg.Name, r.To)
		if next := l.next(r.To); next != 0 {
			if w := o.signsFrom(ctx, l, next); !w.At.IsZero() {
				l.notes.add("ring %s: version %d signs from %s; what is older can retire after that", cfg.Name, next, clock(w.At))
			}
		}
	}
	p.Notes = l.notes
	return p, nil
}

func (o *Operator) retire(ctx context.Context, l *look, p *Plan, r *Retire) {
	wait := o.afterFence(ctx, l)
	older := plural(l.lowest(), r.To-1)
	if l.data.MinEncryptionVersion < r.To {
		p.then(o, lifecycle.Action{Kind: lifecycle.Fence, Version: r.To}, fmt.Sprintf("Vault signs with nothing below version %d any more; no live token dies", r.To))
		if !r.Force {
			if !l.fenceSeen {
				p.refuse("without Redis nobody remembers when it rose, so nothing can tell when %s may retire", older)
			}
			p.Again = l.now.Add(wait)
			return
		}
		p.refuse("live tokens of %s die: Vault may have signed one just now, which lives for up to %v", older, wait)
	} else if due, why := o.retireDue(ctx, l, r.To, wait); why != "" {
		p.refuse("live tokens of %s may die: %s", older, why)
	} else if due.After(l.now) {
		p.refuse("live tokens of %s die: the last of them is over at %s", older, clock(due))
		p.Again = due
	}
	p.Gone = l.below(r.To)
	p.then(o, lifecycle.Action{Kind: lifecycle.Retire, Version: r.To}, fmt.Sprintf("%s: no longer in the JWK set, and introspected as inactive, until somebody lowers it again", older))
}

// retireDue is when no token of a version below v is left.
func (o *Operator) retireDue(ctx context.Context, l *look, v int, wait time.Duration) (time.Time, string) {
	since, why := o.fenceSince(ctx, l, v)
	return since.Add(wait), why
}
