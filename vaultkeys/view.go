package vaultkeys

import (
	"slices"
	"time"

	"signet/signer"
)

// view is everything that callers see, of all rings at one moment. It is
// immutable and replaced as a whole, so the key that signs, the kids that
// verify and the JWKS always belong together.
type view struct {
	rings []*snapshot          // by config order; nil where not read yet
	byKID map[string]published // what verifies
	body  []byte               // nil until every asymmetric ring has been read
	etag  string
	keys  []signer.Key // in body
	// changesAt is when time alone changes the set (a vanished key's end);
	// zero if it does not.
	changesAt time.Time
}

// published is a key that verifies, until a time if that is not zero.
type published struct {
	key      signer.Key
	until    time.Time
	recalled bool // see keyVersion
}

func (p published) at(now time.Time) bool { return p.until.IsZero() || now.Before(p.until) }

// buildView works out what is published at now: rings in config order, within
// a ring the newest version first. Nothing revoked gets in, whatever Vault
// says, and no kid twice: a key that a second ring lists too belongs to the
// first, and the second does not sign with it.
func buildView(cfgs []RingConfig, rings []*snapshot, revoked func(kid string) bool, now time.Time) (*view, []signer.Key, error) {
	v := &view{rings: rings, byKID: map[string]published{}}
	var asymmetric, duplicates []signer.Key
	var recalled []published
	take := func(p published) {
		if revoked(p.key.KID) {
			return
		}
		if _, taken := v.byKID[p.key.KID]; taken {
			duplicates = append(duplicates, p.key)
			return
		}
		v.byKID[p.key.KID] = p
		v.expire(p.until)
		if !p.key.Algorithm.Symmetric() {
			asymmetric = append(asymmetric, p.key)
		}
	}
	complete := true
	for i := range cfgs {
		if rings[i] == nil {
			complete = complete && cfgs[i].Algorithm.Symmetric()
			continue
		}
		for _, p := range rings[i].published(now) {
			if p.recalled {
				recalled = append(recalled, p)
			} else {
				take(p)
			}
		}
	}
	// Last of all: a note takes no kid away from a version that Vault vouches for.
	for _, p := range recalled {
		take(p)
	}
	if !complete {
		return v, duplicates, nil
	}
	body, etag, err := marshalJWKS(asymmetric)
	v.body, v.etag, v.keys = body, etag, asymmetric
	return v, duplicates, err
}

func (v *view) expire(until time.Time) {
	if !until.IsZero() && (v.changesAt.IsZero() || until.Before(v.changesAt)) {
		v.changesAt = until
	}
}

// published is what a ring contributes at now, newest version first. Where a
// number was re-used, the listed key comes before the one that it replaced.
func (s *snapshot) published(now time.Time) []published {
	out := make([]published, 0, len(s.listed)+len(s.vanished))
	for _, v := range slices.Backward(s.listed) {
		out = append(out, published{key: v.key, recalled: v.recalled})
	}
	for _, v := range slices.Backward(s.vanished) {
		if p := (published{key: v.key, until: v.until, recalled: v.recalled}); p.at(now) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b published) int { return b.key.Version - a.key.Version })
	return out
}
