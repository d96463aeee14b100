package manual

import (
	"context"
	"fmt"
	"time"

	"signet/vaultkeys/lifecycle"
)

// signsFrom is the activation of a version that may sign, unless it had to sign
// earlier: a ring's first version signs at once, and one that a fence promoted
// since the fence.
func (o *Operator) signsFrom(ctx context.Context, l *look, n int) When {
	at, ok := lifecycle.Activation(l.may, l.ring.EffectivePolicy(), n)
	switch {
	case !ok:
		return When{Why: "it is revoked"}
	case at.IsZero():
		return When{Why: "when it was first seen is not known"}
	case n == 1:
		return When{At: at.Add(-l.ring.EffectivePolicy().PublishDelay)}
	}
	if l.data.MinEncryptionVersion >= n {
		if since, why := o.fenceSince(ctx, l, n); why == "" && since.Before(at) {
			return When{At: since}
		}
	}
	if l.states[n] == lifecycle.Active && at.After(l.now) {
		return When{Why: "it signs already, before its publish_delay is over: no other version may"}
	}
	return When{At: at}
}

// signsUntil is the activation of the version after it; of the newest it is
// planned by the rotation period.
func (o *Operator) signsUntil(ctx context.Context, l *look, n int) When {
	if _, ok := l.states[n]; !ok {
		return When{Why: "it is revoked"}
	}
	if next := l.next(n); next != 0 {
		w := o.signsFrom(ctx, l, next)
		if w.At.IsZero() {
			w.Why = fmt.Sprintf("version %d: %s", next, w.Why)
		}
		return w
	}
	p := l.ring.EffectivePolicy()
	created := l.may.Versions[len(l.may.Versions)-1].CreatedAt
	due := created.Add(p.RotationPeriod)
	switch {
	case created.IsZero():
		return When{Why: "when it was first seen is not known"}
	case !due.After(l.now):
		return When{Why: "a rotation is due since " + due.UTC().Format(time.RFC3339)}
	}
	return When{At: due.Add(p.PublishDelay), Planned: true, Why: "a rotation is due at " + due.UTC().Format(time.RFC3339)}
}

// retiresAt is when a version's last token is over: once Vault has refused to
// sign with it for the longest life of a token and the margin.
func (o *Operator) retiresAt(ctx context.Context, l *look, n int) When {
	next := l.next(n)
	if next == 0 {
		return When{Why: "no newer version may sign"}
	}
	wait := o.afterFence(ctx, l)
	if l.data.MinEncryptionVersion > n {
		since, why := o.fenceSince(ctx, l, n+1)
		if why != "" {
			return When{Why: why}
		}
		return When{At: since.Add(wait)}
	}
	p := l.ring.EffectivePolicy()
	at, _ := lifecycle.Activation(l.may, p, next)
	fence := at.Add(p.RefreshInterval + p.ClockSkew)
	if fence.Before(l.now) {
		fence = l.now
	}
	return When{At: fence.Add(wait), Planned: true, Why: fmt.Sprintf("min_encryption_version is to rise to %d first", next)}
}

// fenceSince is since when min_encryption_version stands at v or above; why is
// the reason if that is not known.
func (o *Operator) fenceSince(ctx context.Context, l *look, v int) (since time.Time, why string) {
	var ok bool
	var err error
	if o.cfg.Shared.Fences != nil {
		since, ok, err = o.cfg.Shared.Fences.Since(ctx, l.ring.Name, v)
	}
	if since = sane(since, l.now); !ok || err != nil || since.IsZero() {
		return time.Time{}, "when min_encryption_version rose is not known" + because(err)
	}
	return l.notBefore(v, since, "min_encryption_version rose"), ""
}

// notBefore is when something that needs version v happened, which was not before
// v was made: Redis may be wrong, and whoever writes it could say anything.
func (l *look) notBefore(v int, at time.Time, what string) time.Time {
	for _, listed := range l.listed {
		if listed.Number == v && at.Before(listed.CreatedAt) {
			l.notes.add("ring %s: Redis says that %s at %s, before version %d was made: its creation, %s, counts", l.ring.Name, what, clock(at), v, clock(listed.CreatedAt))
			return listed.CreatedAt
		}
	}
	return at
}

// afterFence is how long a token signed just before a fence may live, and the margin.
func (o *Operator) afterFence(ctx context.Context, l *look) time.Duration {
	var reported time.Duration
	var err error
	if o.cfg.Shared.MaxTTLs != nil {
		reported, err = o.cfg.Shared.MaxTTLs.Largest(ctx, l.ring.Name)
	}
	if reported <= 0 || err != nil {
		l.notes.add("ring %s: no replica's max_ttl is known, so tokens count as living for %v", l.ring.Name, lifecycle.UnknownMaxTTL)
		reported = 0
	}
	return lifecycle.AfterFence(l.ring.EffectivePolicy(), reported)
}
