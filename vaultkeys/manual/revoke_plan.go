package manual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
)

// Revocations is the plan of a revocation.
type Revocations struct {
	// KIDs are to be put on the revoked list, and were not on it in Redis.
	KIDs []RevokedKID
	// Rings are those with something to kill.
	Rings []RingRevocation
	// AllKIDs is the whole list as it will be, for the configuration.
	AllKIDs []string
	Notes   []string
	// Unread is why some rings could not be looked at; nil if all could.
	Unread error

	named []string // the kids that are to be on the list
	asked Suspects
}

// RingRevocation is what a revocation does to one ring.
type RingRevocation struct {
	Ring string
	// UpTo is the highest suspect version: it dies, and all older ones with it.
	UpTo int
	// Dying are the listed versions that die, with the tokens that they signed.
	Dying []DyingVersion
	// Next is the version that signs then, as far as it is known now, and Early
	// that its publish_delay is not over: not every verifier knows it.
	Next  int
	Early bool
	Steps []Step
	// Above is what Next has to be newer than; 0 = only than what is suspect.
	Above int

	ring *vaultkeys.RingConfig
	// above is what the next signer has to be newer than, besides every revoked
	// version.
	above int
}

// DyingVersion is a version that dies in a revocation.
type DyingVersion struct {
	Version
	State   lifecycle.State
	Suspect bool
}

// PlanRevoke makes the plan of a revocation. It is as good when an earlier one
// was interrupted, at any point.
func (o *Operator) PlanRevoke(ctx context.Context, s Suspects) (*Revocations, error) {
	found, err := o.suspects(ctx, &s)
	if errors.Is(err, ErrChoice) || err != nil && len(found) == 0 && s.KID == "" {
		return nil, err
	}
	p := &Revocations{Unread: err, asked: s}
	var all notes
	if err != nil {
		all.add("not every ring could be read, so nothing is done to it: %v", err)
	}
	r := o.revoked(ctx, &all)
	for i := range found {
		for _, n := range found[i].look.notes {
			all.add("%s", n)
		}
		p.add(&found[i], &r, &all, o)
	}
	if s.KID != "" && !slices.Contains(p.named, s.KID) {
		p.put(s.KID, Revocation{At: o.cfg.Now().Round(0)}, &r)
		where := "no ring of the configuration lists"
		if err != nil {
			where = "no ring that could be read lists"
		}
		all.add(where+" kid %s: on the list it stays dead if a backup brings it back. "+
			"If it is that of a retired version that is not trimmed yet, name the ring and the version to delete it", s.KID)
	}
	p.AllKIDs = r.with(p.named)
	p.Notes = all
	return p, nil
}

// add plans one ring.
func (p *Revocations) add(s *suspect, r *revoked, all *notes, o *Operator) {
	l := s.look
	for _, v := range s.named {
		if v.KID == "" {
			all.add("ring %s: the kid of version %d is not known, so it cannot go on the revoked list: only Vault's own steps kill it", l.ring.Name, v.Number)
			if !r.known { // with Redis it may be
				p.Unread = errors.Join(p.Unread, fmt.Errorf("ring %q: %w: the kid of version %d is not known", l.ring.Name, ErrNotListed, v.Number))
			}
			continue
		}
		p.put(v.KID, Revocation{Ring: l.ring.Name, Version: v.Number, At: l.now}, r)
	}
	ring := RingRevocation{Ring: l.ring.Name, UpTo: s.upTo, ring: l.ring}
	switch {
	case !r.known:
		ring.above = l.data.LatestVersion
		if s.upTo >= l.lowest() {
			all.add("ring %s: a new version signs next, because without the revoked list a published one may be on it", l.ring.Name)
		}
	case p.asked.Rotate:
		ring.above = l.data.LatestVersion
	}
	if p.asked.Above > 0 {
		ring.above = min(p.asked.Above, l.data.LatestVersion)
	}
	ring.Above = ring.above
	ring.plan(l, s, p.named, o)
	p.Rings = append(p.Rings, ring)
}

// put notes a kid for the list, and for the steps if Redis does not have it.
func (p *Revocations) put(kid string, what Revocation, r *revoked) {
	if slices.Contains(p.named, kid) {
		return
	}
	p.named = append(p.named, kid)
	if _, listed := r.redis[kid]; !listed {
		p.KIDs = append(p.KIDs, RevokedKID{KID: kid, Revocation: what, InConfig: r.config[kid]})
	}
}

// plan says what the writes will be, as far as Vault's present answer shows.
func (r *RingRevocation) plan(l *look, s *suspect, named []string, o *Operator) {
	dead := func(v *Version) bool { return slices.Contains(named, v.KID) || l.revoked.has(v.KID) }
	next, work := r.next(l, dead)
	if !work {
		return
	}
	target := next
	if next == 0 {
		target = l.data.LatestVersion + 1
		r.Steps = append(r.Steps, Step{o.paths.Rotate(r.Ring), "", fmt.Sprintf("makes version %d", target)})
	}
	r.Next = l.signingFrom(target)
	activation, listed := lifecycle.Activation(l.may, l.ring.EffectivePolicy(), r.Next)
	r.Early = !l.ring.Algorithm.Symmetric() && (!listed || activation.After(l.now))
	for _, v := range l.below(target) {
		state, ok := l.states[v.Number]
		if !ok {
			state = Revoked
		}
		r.Dying = append(r.Dying, DyingVersion{v, state, slices.ContainsFunc(s.named, func(n Version) bool { return n.Number == v.Number })})
	}
	if raise := minimums(l, target); len(raise) > 0 {
		r.Steps = append(r.Steps, Step{o.paths.KeyConfig(r.Ring), parameters(raise), fmt.Sprintf("nothing below version %d signs or verifies any more: live tokens of what is below die", target)})
	}
	if l.data.MinAvailableVersion < target {
		r.Steps = append(r.Steps, Step{o.paths.Trim(r.Ring), "min_available_version=" + strconv.Itoa(target), fmt.Sprintf("everything below version %d is deleted for good", target)})
	}
}

// signingFrom is the version that signs once min_encryption_version is at least
// v; v itself if it is still to be made.
func (l *look) signingFrom(v int) int {
	r := l.may
	r.MinEncryption = max(r.MinEncryption, v)
	if n, ok := lifecycle.Signing(r, l.ring.EffectivePolicy(), l.now); ok {
		return n
	}
	return v
}

// next is the lowest listed version above everything revoked, 0 if one has to
// be made. It reports false if nothing is left to kill.
func (r *RingRevocation) next(l *look, dead func(*Version) bool) (version int, work bool) {
	floor := r.UpTo
	work = r.UpTo >= max(1, l.data.MinAvailableVersion)
	for i := range l.listed {
		if v := &l.listed[i]; dead(v) {
			floor, work = max(floor, v.Number), true
		}
	}
	for _, v := range l.listed {
		if v.Number > max(floor, r.above) {
			return v.Number, work
		}
	}
	return 0, work
}

// with is the whole list, with some more kids, without doublets.
func (r *revoked) with(kids []string) []string {
	all := slices.Clone(kids)
	for kid := range r.config {
		all = append(all, kid)
	}
	for kid := range r.redis {
		all = append(all, kid)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
