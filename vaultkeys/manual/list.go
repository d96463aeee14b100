package manual

import (
	"context"
	"errors"
	"slices"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// List looks at all rings, or at one. The error joins those of rings that could
// not be read; what was read is returned beside it.
func (o *Operator) List(ctx context.Context, ring string) (*Listing, error) {
	rings := o.cfg.Rings
	if ring != "" {
		one, err := o.ring(ring)
		if err != nil {
			return nil, err
		}
		rings = []vaultkeys.RingConfig{*one}
	}
	var out Listing
	var all notes
	var errs []error
	listedBy := map[string]string{}
	for i := range rings {
		l, err := o.look(ctx, &rings[i])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out.Rings = append(out.Rings, o.ringListing(ctx, l))
		for _, v := range l.listed {
			listedBy[v.KID] = l.ring.Name
		}
		for _, n := range l.notes {
			all.add("%s", n)
		}
	}
	r := o.revoked(ctx, &all)
	out.Revoked, out.Notes = r.entries(listedBy), all
	out.Complete = len(out.Rings) == len(o.cfg.Rings)
	return &out, errors.Join(errs...)
}

func (o *Operator) ringListing(ctx context.Context, l *look) RingListing {
	out := RingListing{
		Name: l.ring.Name, Algorithm: string(l.ring.Algorithm), Now: l.now,
		MinDecryption: l.data.MinDecryptionVersion, MinEncryption: l.data.MinEncryptionVersion,
		MinAvailable: l.data.MinAvailableVersion, Latest: l.data.LatestVersion, RotationPeriod: l.ring.Policy.RotationPeriod,
	}
	uses := o.uses(ctx, l)
	for _, v := range slices.Backward(l.listed) {
		row := VersionListing{Version: v, State: l.states[v.Number]}
		if l.revoked.has(v.KID) {
			row.State = Revoked
		}
		row.SignsFrom, row.SignsUntil = o.signsFrom(ctx, l, v.Number), o.signsUntil(ctx, l, v.Number)
		row.RetiresAt = o.retiresAt(ctx, l, v.Number)
		if !v.CreatedAt.IsZero() {
			row.Age = max(0, l.now.Sub(v.CreatedAt))
		}
		row.Over = over(&row, l.ring.Policy.RotationPeriod)
		if uses != nil {
			use := uses[v.KID]
			row.Use = &use
		}
		out.Versions = append(out.Versions, row)
	}
	var noted map[int]string
	if l.lowest() > 1 {
		noted = o.recall(ctx, l)
	}
	for n := l.lowest() - 1; n >= 1; n-- {
		gone := When{Why: "Vault lists it no more"}
		row := VersionListing{Version: Version{Number: n, KID: noted[n]}, State: Retired, SignsFrom: gone, SignsUntil: gone, RetiresAt: gone}
		if n < l.data.MinAvailableVersion {
			row.State = Trimmed
		}
		out.Versions = append(out.Versions, row)
	}
	return out
}

func over(row *VersionListing, period time.Duration) Over {
	switch {
	case row.State != lifecycle.Active && row.State != lifecycle.Published:
		return OverNothing
	case row.Age > lifecycle.Cryptoperiod:
		return OverCryptoperiod
	case row.Age > period:
		return OverRotationPeriod
	}
	return OverNothing
}

// uses are the counters by kid, nil if they are not known.
func (o *Operator) uses(ctx context.Context, l *look) map[string]KIDUse {
	if o.cfg.Shared.Uses == nil {
		l.notes.add("the counters of kids are not known%s", because(nil))
		return nil
	}
	var kids []string
	for _, v := range l.listed {
		if v.KID != "" {
			kids = append(kids, v.KID)
		}
	}
	if len(kids) == 0 {
		return nil
	}
	uses, err := o.cfg.Shared.Uses.Read(ctx, kids...)
	if err != nil {
		l.notes.add("the counters of kids are not known%s", because(err))
		return nil
	}
	for kid, use := range uses {
		use.LastIssued, use.LastIntrospected = sane(use.LastIssued, l.now), sane(use.LastIntrospected, l.now)
		uses[kid] = use
	}
	if uses == nil {
		uses = map[string]KIDUse{}
	}
	return uses
}

func (r *revoked) entries(listedBy map[string]string) []RevokedKID {
	var out []RevokedKID
	for kid := range r.config {
		rev, both := r.redis[kid]
		out = append(out, RevokedKID{KID: kid, Revocation: rev, InConfig: true, InRedis: both, ListedBy: listedBy[kid]})
	}
	for kid, rev := range r.redis {
		if !r.config[kid] {
			out = append(out, RevokedKID{KID: kid, Revocation: rev, InRedis: true, ListedBy: listedBy[kid]})
		}
	}
	slices.SortFunc(out, func(a, b RevokedKID) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		if a.KID < b.KID {
			return -1
		}
		return 1
	})
	return out
}
