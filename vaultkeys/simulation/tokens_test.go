package simulation

import (
	"strconv"
	"time"

	"signet/signer"
)

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
	}, signer.Origin{})
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
