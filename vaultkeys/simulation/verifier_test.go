package simulation

import (
	"math/rand/v2"
	"time"
)

// caching is how a verifier keeps the JWK set.
type caching int

const (
	honours       caching = iota // for the answer's max-age
	fixed5m                      // for 5 minutes, whatever it says
	fixed15m                     // for 15 minutes
	honoursAsks                  // as honours, and asks again for an unknown kid
	twoHoursAsks                 // for 2 hours, and asks again for an unknown kid
	twoHours                     // for 2 hours
	cachingsCount int     = iota
)

func (c caching) String() string {
	return [...]string{"honours max-age", "keeps 5m", "keeps 15m", "honours max-age, asks for an unknown kid", "keeps 2h, asks for an unknown kid", "keeps 2h"}[c]
}

// promised says whether such a verifier never keeps a set for longer than
// publish_delay allows for.
func (c caching) promised() bool { return c <= honoursAsks }

func (c caching) asks() bool { return c == honoursAsks || c == twoHoursAsks }

// verifier is a resource server with steady traffic: it fetches the set again
// as soon as its copy is no longer fresh, and uses a stale copy while fetches fail.
type verifier struct {
	w       *world
	id      int
	rng     *rand.Rand
	caching caching
	clock   time.Duration // is off by that much
	floor   time.Duration // between two fetches for unknown kids
	asked   instant       // the last of those

	has        bool
	set        served // of which at is the time of the fetch
	fresh, use instant
}

// shares of the cachings, out of 20.
var shares = []caching{
	honours, honours, honours, honours, honours, honours, honours, honours, fixed5m, fixed5m, fixed15m, fixed15m, fixed15m,
	honoursAsks, honoursAsks, honoursAsks, honoursAsks, twoHoursAsks, twoHoursAsks, twoHours,
}

func newVerifier(w *world, id int) *verifier {
	rng := rand.New(rand.NewPCG(w.seed, 1_000_000+uint64(id)))
	return &verifier{
		w: w, id: id, rng: rng, caching: shares[id%len(shares)],
		clock: between(rng, -clockSkew, clockSkew), floor: between(rng, 10*time.Second, 5*time.Minute), asked: -day,
	}
}

// accepts is its verdict on a kid now; ok is false where it has no set at all,
// because nobody has answered it for too long.
func (v *verifier) accepts(k *key) (accepted, ok bool) {
	v.advance()
	if !v.has {
		return false, false
	}
	if !v.set.kids.has(k.index) && v.caching.asks() && v.w.now-v.asked >= v.floor {
		v.asked = v.w.now
		v.fetch(v.w.now)
	}
	return v.set.kids.has(k.index), true
}

// advance makes the fetches up to now.
func (v *verifier) advance() {
	now := v.w.now
	if !v.has || now-v.fresh > 3*time.Hour {
		v.begin()
	}
	for v.has && v.fresh <= now {
		at := v.fresh
		switch v.rng.IntN(24) { // its network fails for a while, perhaps for longer than stale-if-error
		case 0:
			at += between(v.rng, 0, v.use-v.fresh)
		case 1:
			at = v.use + between(v.rng, 0, 2*time.Minute)
		}
		for at <= now && !v.fetch(at) {
			at += 30 * time.Second
		}
		if at <= now {
			continue
		}
		v.fresh = at // the next try
		v.has = now <= v.use
	}
	if v.has && now > v.use {
		v.has = false
	}
}

// begin is a new start some hours ago: nobody has asked it anything for longer,
// and after some fetches nothing is left of how it began.
func (v *verifier) begin() {
	v.has, v.asked = false, -day
	for range 5 {
		if v.fetch(max(0, v.w.now-between(v.rng, 2*time.Hour, 4*time.Hour))) {
			return
		}
	}
}

// fetch asks a replica, and another one if it is down.
func (v *verifier) fetch(at instant) bool {
	for range 3 {
		s := v.w.replicas[v.rng.IntN(len(v.w.replicas))].serve(at)
		if !s.ok {
			continue
		}
		v.set, v.has = s, true
		v.set.at = at
		life := v.life(s.maxAge)
		v.fresh, v.use = at+life, at+life+s.staleIfError
		if v.caching == fixed5m || v.caching == fixed15m { // and no longer than others
			v.use = at + v.w.cfg.jwksMaxAge + s.staleIfError
		}
		return true
	}
	return false
}

func (v *verifier) life(maxAge time.Duration) time.Duration {
	switch v.caching {
	case fixed5m:
		return 5 * time.Minute
	case fixed15m:
		return 15 * time.Minute
	case twoHours, twoHoursAsks:
		return 2 * time.Hour
	case honours, honoursAsks:
	}
	// Answers say somewhat less than the JWKS's max-age, never more.
	return maxAge - between(v.rng, 0, maxAge/10)
}
