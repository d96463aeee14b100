package manual

import (
	"context"
	"fmt"

	"signet/vaultkeys/lifecycle"
)

// PlanTrim plans to delete, for good, every version below
// min_decryption_version. Refused without force until they have been retired
// for the longest life of a token and the margin, as far as anybody saw.
func (o *Operator) PlanTrim(ctx context.Context, ring string) (*Plan, error) {
	l, err := o.lookAt(ctx, ring)
	if err != nil {
		return nil, err
	}
	p := newPlan(l)
	p.again = func(ctx context.Context) (*Plan, error) { return o.PlanTrim(ctx, ring) }
	lowest, available := l.lowest(), max(1, l.data.MinAvailableVersion)
	if lowest <= available {
		l.notes.add("ring %s: no version is retired and not trimmed", p.Ring)
	} else {
		o.trim(ctx, l, p)
	}
	p.Notes = l.notes
	return p, nil
}

func (o *Operator) trim(ctx context.Context, l *look, p *Plan) {
	lowest := l.lowest()
	older := plural(max(1, l.data.MinAvailableVersion), lowest-1)
	wait := o.afterFence(ctx, l)
	retired := l.retiredAt
	switch {
	case retired.IsZero():
		p.refuse("when %s retired is not known", older)
	case retired.Add(wait).After(l.now):
		p.Again = retired.Add(wait)
		p.refuse("%s: first seen retired at %s; until %s lowering min_decryption_version could still bring them back for live tokens",
			older, clock(retired), clock(p.Again))
	}
	for n := max(1, l.data.MinAvailableVersion); n < lowest; n++ {
		p.Gone = append(p.Gone, o.byNumber(ctx, l, n)[0])
	}
	if l.data.MinEncryptionVersion < lowest { // Vault trims nothing above it
		p.then(o, lifecycle.Action{Kind: lifecycle.Fence, Version: lowest}, "what a trim needs: nothing that is listed signs less than before")
	}
	p.then(o, lifecycle.Action{Kind: lifecycle.Trim, Version: lowest}, fmt.Sprintf("%s: deleted for good, only a backup of Vault can bring them back", older))
}
