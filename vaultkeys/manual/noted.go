package manual

import (
	"context"
	"errors"
)

// source is who told the kid of a version.
type source string

const (
	byVault  source = "" // its public key, or Vault's transit/hmac
	byNote   source = "Redis' notes"
	byRecord source = "an earlier revocation in Redis"
)

// doubt looks at every kid of the suspects that only Redis' notes tell. Whoever
// writes Redis could name a live key there, and nothing comes off the revoked
// list again: so a kid that belongs to another version too is not believed. looks
// are those at the rings so far, nil where that failed.
func (o *Operator) doubt(ctx context.Context, found []suspect, looks map[string]*look, s *Suspects) ([]suspect, error) {
	var errs []error
	var out []suspect
	for i := range found {
		f := &found[i]
		var named []Version
		for _, v := range f.named {
			if v.from == byNote && v.KID != "" {
				errs = append(errs, o.lookAtOthers(ctx, looks))
			}
			if v.from != byVault && v.KID != "" && !f.believes(&v, looks, s) {
				if s.KID != "" {
					continue // nothing else says that it is this version
				}
				v.KID = ""
			}
			named = append(named, v)
		}
		if f.named = named; s.KID != "" {
			f.upTo = highest(named)
		}
		if len(named) > 0 || s.KID == "" {
			out = append(out, *f)
		}
	}
	return out, errors.Join(errs...)
}

func highest(versions []Version) (n int) {
	for _, v := range versions {
		n = max(n, v.Number)
	}
	return n
}

// lookAtOthers looks at the rings that were not looked at yet.
func (o *Operator) lookAtOthers(ctx context.Context, looks map[string]*look) error {
	var errs []error
	for i := range o.cfg.Rings {
		ring := &o.cfg.Rings[i]
		if _, done := looks[ring.Name]; done {
			continue
		}
		l, err := o.look(ctx, ring)
		looks[ring.Name] = l
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// believes reports whether a version's kid that Redis tells may be acted on,
// and says so.
func (s *suspect) believes(v *Version, looks map[string]*look, asked *Suspects) bool {
	n, ring := &s.look.notes, s.look.ring.Name
	for name, l := range looks {
		if v.from == byRecord { // on the list already
			break
		}
		if l == nil {
			n.add("ring %s: kid %s of version %d is from %s, not from Vault, and could be of ring %s, which cannot be read: it is not acted on", ring, v.KID, v.Number, v.from, name)
			return false
		}
		for _, other := range l.listed {
			same := name == ring && other.Number == v.Number
			if other.KID != v.KID || same || asked.All && other.from == byNote {
				continue
			}
			n.add("ring %s: kid %s of version %d is from %s, not from Vault, and is also that of version %d of ring %s: REFUSED, somebody may have written it there to kill that one; "+
				"if the kid is compromised, name it with --kid", ring, v.KID, v.Number, v.from, other.Number, name)
			return false
		}
	}
	n.add("ring %s: kid %s of version %d is from %s, not from Vault", ring, v.KID, v.Number, v.from)
	return true
}
