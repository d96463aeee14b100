package manual

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"signet/signer"
	"signet/vaultkeys"
)

// Suspects are what a revocation is to kill: either a version of a ring, or a
// kid, or all.
type Suspects struct {
	// Ring and Version name one version. Ring may be empty where there is only one.
	Ring    string
	Version int
	// KID names a key wherever it is.
	KID string
	// All is every version that exists now, of the ring or of all rings; with
	// Version it is every version up to that one.
	All bool
	// Rotate makes a new version sign next, even where one is published that is
	// not suspect: one above Above, or above the latest if that is 0.
	Rotate bool
	// Above is where Rotate's first run found the latest version of the one ring,
	// so that to run it again makes no further version.
	Above int
}

func (s *Suspects) check() error {
	switch {
	case s.Version < 0:
		return fmt.Errorf("%w: version %d", ErrChoice, s.Version)
	case s.Above < 0 || s.Above > 0 && !s.Rotate:
		return fmt.Errorf("%w: --above is a version, and for --rotate", ErrChoice)
	case s.Above > 0 && s.All && s.Ring == "":
		return fmt.Errorf("%w: --above is of one ring, name it", ErrChoice)
	case s.KID != "" && (s.All || s.Ring != "" || s.Version != 0):
		return fmt.Errorf("%w: --kid stands alone", ErrChoice)
	case s.KID == "" && !s.All && s.Version == 0:
		return fmt.Errorf("%w: say what: --kid KID, or --ring RING --version N, or --all", ErrChoice)
	case s.KID != "" && !signer.IsKID(s.KID): // nothing comes off the list again, so a slip should not get there
		return fmt.Errorf("%w: %q is no kid, which has 43 characters of base64url", ErrChoice, s.KID)
	}
	return nil
}

// suspect is what is to die in one ring.
type suspect struct {
	look *look
	// upTo is the highest suspect version: raising the minimums kills every
	// older one with it.
	upTo int
	// named are the suspect versions with their kids, as far as they are known.
	named []Version
}

// suspects looks for them. What is not found although all rings were read is in
// Vault no more. The error joins those of rings that could not be read; the
// others are returned all the same, for an emergency does not wait.
func (o *Operator) suspects(ctx context.Context, s *Suspects) ([]suspect, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	rings, err := o.candidates(s)
	if err != nil {
		return nil, err
	}
	var found []suspect
	var errs []error
	looks := map[string]*look{}
	for _, ring := range rings {
		l, err := o.look(ctx, ring)
		looks[ring.Name] = l
		if err != nil {
			errs = append(errs, err)
			continue
		}
		one, ok, err := o.suspect(ctx, l, s)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, one)
		}
	}
	found, err = o.doubt(ctx, found, looks, s)
	return found, errors.Join(append(errs, err)...)
}

func (o *Operator) candidates(s *Suspects) ([]*vaultkeys.RingConfig, error) {
	if s.KID == "" && (s.Ring != "" || s.Version != 0) {
		one, err := o.ring(s.Ring)
		return []*vaultkeys.RingConfig{one}, err
	}
	var all []*vaultkeys.RingConfig
	for i := range o.cfg.Rings {
		all = append(all, &o.cfg.Rings[i])
	}
	return all, nil
}

func (o *Operator) suspect(ctx context.Context, l *look, s *Suspects) (suspect, bool, error) {
	out := suspect{look: l}
	switch {
	case s.KID != "":
		out.named = o.byKID(ctx, l, s.KID)
		out.upTo = highest(out.named)
		return out, len(out.named) > 0, nil
	case s.Version > l.data.LatestVersion:
		return out, false, fmt.Errorf("%w: ring %q has no version %d, its latest is %d", ErrChoice, l.ring.Name, s.Version, l.data.LatestVersion)
	case s.Above > l.data.LatestVersion:
		return out, false, fmt.Errorf("%w: ring %q has no version %d, its latest is %d", ErrChoice, l.ring.Name, s.Above, l.data.LatestVersion)
	case s.All:
		out.upTo = l.data.LatestVersion
		if s.Version != 0 {
			out.upTo = s.Version
		}
		out.named = l.below(out.upTo + 1)
	default:
		out.upTo = s.Version
		out.named = o.byNumber(ctx, l, s.Version)
	}
	return out, true, nil
}

// byNumber is a version with its kid. Of one that Vault lists no longer only the
// replicas' notes and an earlier revocation may know it: if they differ, the
// number had two keys, and both are dead.
func (o *Operator) byNumber(ctx context.Context, l *look, number int) []Version {
	if i := slices.IndexFunc(l.listed, func(v Version) bool { return v.Number == number }); i >= 0 {
		return l.listed[i : i+1 : i+1]
	}
	v := Version{Number: number, KID: o.recall(ctx, l)[number], from: byNote}
	var out []Version
	if v.KID != "" {
		out = append(out, v)
	}
	for _, kid := range slices.Sorted(maps.Keys(l.revoked.redis)) {
		if r := l.revoked.redis[kid]; r.Ring == l.ring.Name && r.Version == number && kid != v.KID {
			out = append(out, Version{Number: number, KID: kid, from: byRecord})
		}
	}
	if len(out) == 0 {
		out = append(out, v)
	}
	return out
}

// byKID are the versions with that kid. Retired ones, which Vault does not
// list, are found by the note of an earlier revocation, or by the replicas' notes.
func (o *Operator) byKID(ctx context.Context, l *look, kid string) []Version {
	var out []Version
	for _, v := range l.listed {
		if v.KID == kid {
			out = append(out, v)
		}
	}
	if len(out) > 0 {
		return out
	}
	hidden := func(n int) bool { return n >= max(1, l.data.MinAvailableVersion) && n < l.lowest() }
	if r, ok := l.revoked.redis[kid]; ok && r.Ring == l.ring.Name && hidden(r.Version) {
		return []Version{{Number: r.Version, KID: kid, from: byRecord}}
	}
	for n, known := range o.recall(ctx, l) {
		if known == kid && hidden(n) {
			return []Version{{Number: n, KID: kid, from: byNote}}
		}
	}
	return nil
}
