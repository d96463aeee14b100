package manual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// The states of a version besides lifecycle's.
const (
	Retired lifecycle.State = "retired" // below min_decryption_version: Vault lists it no more
	Trimmed lifecycle.State = "trimmed" // deleted for good
	Revoked lifecycle.State = "revoked" // on the revoked list, and Vault still lists it
)

// Cryptoperiod is how old a key may be that signs: two years (NIST SP 800-57
// part 1, section 5.3.6).
const Cryptoperiod = 17520 * time.Hour

// Listing is all rings at one moment.
type Listing struct {
	Rings []RingListing
	// Revoked are the kids on the revoked list, and where Vault lists them.
	Revoked []RevokedKID
	// Complete says that all rings of the configuration were read: then a kid that
	// no ring lists is gone from Vault.
	Complete bool
	Notes   []string
}

// RingListing is one ring.
type RingListing struct {
	Name, Algorithm string
	// Now is Vault's clock.
	Now time.Time
	// MinDecryption, MinEncryption, MinAvailable and Latest are Vault's.
	MinDecryption, MinEncryption, MinAvailable, Latest int
	RotationPeriod                                     time.Duration
	Versions                                           []VersionListing // newest first
}

// VersionListing is one version. A zero time is not known, or does not apply.
type VersionListing struct {
	Version
	State lifecycle.State
	// SignsFrom is its activation, SignsUntil that of the version after it, and
	// RetiresAt when no live token of it is left.
	SignsFrom, SignsUntil, RetiresAt When
	// Age is since CreatedAt, 0 if that is not known.
	Age time.Duration
	// Over says what the age of a version that signs, or will, exceeds.
	Over Over
	// Use is nil if it is not known.
	Use *KIDUse
}

// When is a time, or why there is none.
type When struct {
	At time.Time
	// Planned says that it depends on a step that nobody has taken yet.
	Planned bool
	// Why there is no time, or what it is planned by.
	Why string
}

// Over is a limit that a version's age exceeds.
type Over string

// The limits.
const (
	OverNothing        Over = ""
	OverRotationPeriod Over = "rotation_period"
	OverCryptoperiod   Over = "cryptoperiod"
)

// RevokedKID is an entry of the revoked list.
type RevokedKID struct {
	KID string
	Revocation
	// InConfig and InRedis say where it is listed.
	InConfig, InRedis bool
	// ListedBy is the ring of which Vault lists it all the same: an alarm.
	ListedBy string
}

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
		row.SignsFrom, row.SignsUntil = l.signsFrom(v.Number), l.signsUntil(v.Number)
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
	for n := l.lowest() - 1; n >= 1; n-- {
		gone := When{Why: "Vault lists it no more"}
		row := VersionListing{Version: Version{Number: n}, State: Retired, SignsFrom: gone, SignsUntil: gone, RetiresAt: gone}
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
	case row.Age > Cryptoperiod:
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
	if uses == nil {
		uses = map[string]KIDUse{}
	}
	return uses
}

// signsFrom is the activation of a version that may sign.
func (l *look) signsFrom(n int) When {
	at, ok := lifecycle.Activation(l.may, policy(l.ring), n)
	switch {
	case !ok:
		return When{Why: "it is revoked"}
	case at.IsZero():
		return When{Why: "when it was first seen is not known"}
	case l.states[n] == lifecycle.Active && at.After(l.now):
		return When{Why: "it signs already, before its publish_delay is over: no other version may"}
	}
	return When{At: at}
}

// signsUntil is the activation of the version after it; of the newest it is
// planned by the rotation period.
func (l *look) signsUntil(n int) When {
	if _, ok := l.states[n]; !ok {
		return When{Why: "it is revoked"}
	}
	if next := l.next(n); next != 0 {
		w := l.signsFrom(next)
		if w.At.IsZero() {
			w.Why = fmt.Sprintf("version %d: %s", next, w.Why)
		}
		return w
	}
	p := policy(l.ring)
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
	p := policy(l.ring)
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
	if !ok || err != nil {
		return time.Time{}, "when min_encryption_version rose is not known" + because(err)
	}
	return since, ""
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
	return lifecycle.AfterFence(policy(l.ring), reported)
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
