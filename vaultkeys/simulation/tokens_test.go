package simulation

import (
	"strconv"
	"time"

	"signet/signer"
	"signet/vaultkeys"
)

// key is one key that Vault has or had.
type key struct {
	index int
	kid   string
	x     string // as the JWK sets show it
	made  string // by whom: the schedule or an operator

	listed bool
	since  instant // when Vault began to list it, at first or again
	// promoted: an emergency or a restore made it sign without a publish delay.
	promoted bool
	// dead: an emergency or a restore took it away, and its tokens with it.
	dead      bool
	revokedAt instant // 0 = it is not revoked

	// tokens are those that it signed.
	tokens int
	// until is the end of its last token, at the slowest clock.
	until instant
}

// learn enters a new key.
func (w *world) learn(v vaultkeys.KeyVersionData, made string) *key {
	public, err := vaultkeys.ParsePublic(signer.EdDSA, 0, v.PublicKey)
	if err != nil {
		panic(err)
	}
	kid, err := vaultkeys.Thumbprint(public)
	if err != nil {
		panic(err)
	}
	k := &key{index: len(w.keys), kid: kid, made: made}
	w.keys[kid], w.publics[v.PublicKey] = k, k
	return k
}

// listing is what a key read shows, by public key.
func (w *world) listing(s state) map[*key]int {
	out := map[*key]int{}
	for n, v := range s.versions {
		if k := w.publics[v.PublicKey]; n >= s.minDec && k != nil {
			out[k] = n
		}
	}
	return out
}

// token is a signed token.
type token struct {
	key      *key
	replica  int
	signed   instant
	iat, exp time.Time
}

// burst lets each replica sign with some probability, some of them slowly.
func (w *world) burst(share float64) {
	for _, r := range w.replicas {
		if !w.chance(share) {
			continue
		}
		latency := time.Duration(0)
		if share < 1 && w.chance(0.5) {
			latency = w.draw(0, requestDeadline)
		}
		w.request(r, latency)
	}
}

// request is a token asked of a replica: the key is chosen now, and Vault asked
// after a while.
func (w *world) request(r *replica, latency time.Duration) {
	r.catchUp()
	if !r.up || !r.reported {
		return
	}
	w.report.count("tokens asked for")
	chosen, err := r.rings.SigningKey(ring)
	if err != nil {
		w.report.count("tokens refused for want of a key")
		return
	}
	life := r.policy.MaxTTL
	if w.chance(0.5) {
		life = w.draw(time.Minute, life)
	}
	iat, started := r.now(), r.started
	w.soon(latency, func() {
		if r.up && r.started == started {
			w.sign(r, chosen, iat, iat.Add(life), requestDeadline-latency)
		}
	})
}

// soon is after, and at once if that is now.
func (w *world) soon(d time.Duration, do func()) {
	if d == 0 {
		do()
		return
	}
	w.after(d, do)
}

func (w *world) sign(r *replica, chosen signer.Key, iat, exp time.Time, left time.Duration) {
	r.choice = &chosen
	out, err := r.signer.Sign(w.ctx, ring, signer.Claims{
		Subject: "s", ID: strconv.Itoa(w.count), ClientID: "c", Audience: []string{"a"}, IssuedAt: iat, Expiry: exp,
	})
	if err != nil {
		w.report.count("tokens that Vault did not sign")
		return
	}
	w.report.count("tokens")
	k := w.keys[out.Key.KID]
	if k.kid != chosen.KID {
		w.report.count("tokens signed anew with another version")
	}
	if w.over(k, 0) {
		w.report.violation(w.now, revokedIsDead, "replica %d signs with %s, revoked %v ago", r.id, k.kid, w.now-k.revokedAt)
	}
	t := token{k, r.id, w.now, iat.Truncate(time.Second), exp.Truncate(time.Second)}
	k.until = max(k.until, t.exp.Sub(epoch)+clockSkew)
	if k.tokens++; k.tokens <= w.cfg.first {
		w.after(w.draw(0, left), func() { w.presentToAll(t) })
	}
	w.present(t, w.draw(0, left))
	w.present(t, w.draw(0, 30*time.Second))
	w.present(t, w.draw(0, exp.Sub(iat)))
	w.present(t, t.exp.Sub(epoch)-w.now-w.draw(0, 10*time.Second))
}

// present shows a token to some verifiers and to a replica, after a while.
func (w *world) present(t token, d time.Duration) {
	w.after(d, func() {
		for range w.cfg.perToken {
			w.verify(t, w.verifiers[w.rng.IntN(len(w.verifiers))])
		}
		w.introspect(t, w.replicas[w.rng.IntN(len(w.replicas))])
	})
}

// presentToAll shows one of the first tokens of a key, which is when caches are tried.
func (w *world) presentToAll(t token) {
	for _, v := range w.verifiers {
		w.verify(t, v)
	}
}

// valid says whether a token is, by a clock.
func (t token) valid(now time.Time) bool {
	return now.Before(t.exp) && !t.iat.After(now.Add(2*clockSkew))
}

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
	if t.iat.After(r.now().Add(clockSkew)) { // signer.Verify allows for no more between two replicas
		w.report.count("inactive for a moment, because two replicas' clocks are further apart than clock_skew")
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
