package simulation

import (
	"time"
)

func (w *world) verify(t token, v *verifier) {
	if t.key.dead || !t.valid(epoch.Add(w.now+v.clock)) {
		return
	}
	accepted, ok := v.accepts(t.key)
	if !ok {
		w.report.count("verifications without any set")
		return
	}
	w.report.count("verifications, verifier " + v.caching.String())
	if !accepted {
		w.refused(t, v)
	}
}

// refused is a valid token that a verifier does not know the key of.
func (w *world) refused(t token, v *verifier) {
	k := t.key
	life := w.cfg.jwksMaxAge + w.cfg.staleIfError
	if !v.caching.promised() {
		life += 2 * time.Hour
	}
	switch {
	case k.promoted && w.now <= k.since+refreshInterval+life:
		w.report.count("refused after an emergency or a restore, within the bound")
	case k.promoted && v.set.cut:
		w.report.count("refused after an emergency or a restore, by the set of a replica cut from Vault")
	case v.caching.promised():
		w.violated(tokenRefused, t, v)
	case w.cfg.slow && k.made == bySchedule:
		w.violated(scheduledIsSlow, t, v)
	default:
		w.report.count("refused by 2h caches, which is not promised")
	}
}

func (w *world) violated(what invariant, t token, v *verifier) {
	w.report.violation(w.now, what, "verifier %d (%s, clock off by %v) holds a set fetched %v ago without %s, listed for %v; the token is by replica %d, %v ago, for %v",
		v.id, v.caching, v.clock, w.now-v.set.at, t.key.kid, w.now-t.key.since, t.replica, w.now-t.signed, t.exp.Sub(t.iat))
}

// introspect asks a replica, as signer.Verify does for the key.
func (w *world) introspect(t token, r *replica) {
	r.catchUp()
	if !r.up || !r.rings.Ready() || !t.valid(r.now()) {
		return
	}
	k := t.key
	_, ok := r.rings.VerificationKey(k.kid)
	if !ok {
		at := t.iat.Add(2*clockSkew + requestDeadline + time.Second)
		if now := r.now(); at.After(now) {
			at = now
		}
		if err := r.rings.RefreshTo(w.ctx, at); err != nil {
			w.report.count("introspections without an answer")
			return
		}
		r.record()
		_, ok = r.rings.VerificationKey(k.kid)
	}
	w.report.count("introspections")
	switch {
	case ok && w.over(k, 0):
		w.alive(k, r)
	case !ok && !k.dead && k.promoted && !r.canRead():
		w.report.count("inactive after an emergency or a restore at a replica cut from Vault")
	case !ok && !k.dead:
		w.report.violation(w.now, tokenInactive, "replica %d does not know %s, listed for %v; the token is by replica %d, %v ago, for %v",
			r.id, k.kid, w.now-k.since, t.replica, w.now-t.signed, t.exp.Sub(t.iat))
	}
}

// over says whether a key was revoked so long ago that every replica knows, and
// every set of before has been dropped after life.
func (w *world) over(k *key, life time.Duration) bool {
	return k.revokedAt > 0 && w.now > max(k.revokedAt+refreshInterval, w.redis.lost+2*refreshInterval)+life
}

// alive is a revoked key that a replica verifies with.
func (w *world) alive(k *key, r *replica) {
	w.report.violation(w.now, revokedIsDead, "replica %d verifies with %s, revoked %v ago", r.id, k.kid, w.now-k.revokedAt)
}

// forge shows a token of a revoked key, which whoever stole it can make at any time.
func (w *world) forge(k *key) {
	for range w.cfg.perToken {
		v := w.verifiers[w.rng.IntN(len(w.verifiers))]
		accepted, _ := v.accepts(k)
		w.report.count("forged tokens")
		switch over := w.over(k, w.cfg.jwksMaxAge+w.cfg.staleIfError); {
		case accepted && over && v.caching.promised():
			w.report.violation(w.now, revokedIsDead, "verifier %d (%s) accepts %s, revoked %v ago", v.id, v.caching, k.kid, w.now-k.revokedAt)
		case accepted:
			w.report.count("forged tokens accepted, within the bound")
		}
	}
	for _, r := range w.replicas {
		r.catchUp()
		if _, ok := r.rings.VerificationKey(k.kid); ok && r.up && w.over(k, 0) {
			w.alive(k, r)
		}
	}
}
