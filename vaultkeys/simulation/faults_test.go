package simulation

import (
	"time"
)

// newNode: another node of Vault's takes over, with another clock.
func (w *world) newNode() {
	off := w.draw(-clockSkew, clockSkew) / time.Duration(1+w.rng.IntN(4))
	if w.chance(0.1) {
		off = -clockSkew
	}
	w.setVaultClock(off)
	w.report.count("takeovers at Vault")
}

func (w *world) setVaultClock(off time.Duration) {
	w.catchUp()
	w.vaultClock = off
	for _, k := range w.keepers {
		k.wake()
	}
}

// lag: Vault's clock lags far behind for a while. All replicas and keepers
// notice and stop, and an operator may rotate all the same.
func (w *world) lag() {
	w.setVaultClock(-w.draw(10*time.Second, 10*time.Minute))
	w.report.count("lags of Vault's clock")
	if w.cfg.operators && w.chance(0.5) {
		w.after(w.draw(0, time.Hour), w.rotateByHand)
	}
	w.after(w.draw(10*time.Minute, 2*time.Hour), w.newNode)
}

// outage: Vault is away for everybody. It waits until all have read the newest
// version: a replica that could not would serve a set without it.
func (w *world) outage() {
	if w.vaultDown || w.now-w.rotated < 2*refreshInterval || w.anyCut() {
		w.after(10*time.Minute, w.outage)
		return
	}
	w.away(w.draw(time.Minute, 20*time.Hour))
}

// away is Vault's being away for a while.
func (w *world) away(d time.Duration) {
	w.report.count("outages of Vault")
	w.catchUp()
	w.vaultDown = true
	for _, r := range w.replicas {
		r.record()
		w.at(r.polled+r.policy.PublishDelay/2+11*time.Second, r.record)
	}
	w.after(d, func() {
		w.vaultDown = false
		for _, r := range w.replicas {
			r.reconnected()
		}
		for _, k := range w.keepers {
			k.wake()
		}
		w.after(w.draw(0, time.Minute), func() { w.burst(1) })
	})
}

func (w *world) anyCut() bool {
	for _, r := range w.replicas {
		if !r.reads {
			return true
		}
	}
	return false
}

// part cuts one replica from Vault.
func (w *world) part(r *replica) {
	if w.vaultDown || w.cfg.slack == 0 {
		return
	}
	w.report.count("replicas cut from Vault")
	d := w.draw(0, w.cfg.slack)
	if w.chance(0.5) {
		d = w.draw(0, 10*time.Minute)
	}
	r.cut(d, w.chance(0.5))
	for range 5 {
		w.after(w.draw(0, d), func() { w.request(r, 0) })
	}
}

// redisOutage: Redis is away, but not while a revocation goes round.
func (w *world) redisOutage() {
	if w.redis.down || w.now-w.lastRevoked < 2*refreshInterval {
		w.after(time.Hour, w.redisOutage)
		return
	}
	w.report.count("outages of Redis")
	w.catchUp()
	w.redis.down, w.redis.until = true, w.now+w.draw(time.Minute, 8*time.Hour)
	w.at(w.redis.until, func() {
		w.catchUp()
		w.redis.down = false
		for _, k := range w.keepers {
			k.wake()
		}
		w.syncAll()
	})
}

// syncAll lets everybody poll the revoked kids when they would.
func (w *world) syncAll() {
	for _, r := range w.replicas {
		w.at(r.cadence.next(w.now), r.sync)
	}
	for _, k := range w.keepers {
		k.wake()
	}
}

// redisLoss: Redis is empty. Replicas put back what they know; what max_ttl those
// had that are no more is lost, so it waits until no token of theirs is left.
func (w *world) redisLoss() {
	if w.redis.down || w.now-w.deployed < 20*time.Hour {
		w.after(12*time.Hour, w.redisLoss)
		return
	}
	w.report.count("losses of what Redis held")
	w.catchUp()
	w.redis.revoked, w.redis.lost = map[string]bool{}, w.now
	w.redis.reports = map[time.Duration]instant{}
	for _, r := range w.replicas {
		r.forgotten = r.cadence.next(w.now)
	}
	w.syncAll()
}
