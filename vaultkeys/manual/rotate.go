package manual

import (
	"context"
	"fmt"

	"signet/vaultkeys/lifecycle"
)

// PlanRotate plans to add a version to a ring, which only publishes it. Refused
// without force: while a version waits to sign, and where it would be a fourth
// live one.
func (o *Operator) PlanRotate(ctx context.Context, ring string) (*Plan, error) {
	l, err := o.lookAt(ctx, ring)
	if err != nil {
		return nil, err
	}
	cfg := l.ring
	p := newPlan(l)
	p.again = func(ctx context.Context) (*Plan, error) { return o.PlanRotate(ctx, ring) }
	next := l.data.LatestVersion + 1
	means := fmt.Sprintf("makes version %d, which is published at once and signs from %s; no live token dies", next, clock(l.now.Add(cfg.EffectivePolicy().PublishDelay)))
	if cfg.Algorithm.Symmetric() {
		means = fmt.Sprintf("makes version %d, which signs as soon as a replica has read it; no live token dies", next)
	}
	p.then(o, lifecycle.Action{Kind: lifecycle.Rotate, Version: l.data.LatestVersion}, means)
	for _, v := range l.may.Versions {
		if l.states[v.Number] == lifecycle.Published {
			at, _ := lifecycle.Activation(l.may, cfg.EffectivePolicy(), v.Number)
			p.refuse("version %d is published and waits to sign until %s", v.Number, clock(at))
		}
	}
	if live := l.data.LatestVersion - l.lowest() + 1; live >= lifecycle.LiveUnderSchedule {
		p.refuse("%d versions are live, and one more would make JWK sets long: retire first", live)
	}
	p.Notes = l.notes
	return p, nil
}
