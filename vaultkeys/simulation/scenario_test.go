package simulation

import (
	"strconv"
	"time"

	"signet/vaultkeys"
)

// backup is a copy of Vault's storage.
type backup struct {
	at instant
	state
}

// scenario plans everything that happens from outside.
func (w *world) scenario() {
	w.often(time.Hour, 5*time.Hour, func() { w.burst(0.1) })
	w.often(time.Hour, day, w.agree)
	w.often(day, 10*day, w.newNode)
	w.often(5*day, 40*day, w.outage)
	w.often(5*day, 60*day, w.redisOutage)
	w.often(20*day, 90*day, w.redisLoss)
	w.often(40*day, 80*day, w.deploy)
	w.often(2*day, 8*day, func() { w.backups = append(w.backups, backup{w.now, w.vault.clone()}) })
	for _, r := range w.replicas {
		w.often(day, 50*day, func() { w.crash(r) })
		w.often(2*day, 40*day, func() { w.part(r) })
	}
	for _, k := range w.keepers {
		w.often(day, 60*day, func() { w.rest(k) })
	}
	if w.cfg.lag > 0 {
		w.often(w.cfg.lag/2, w.cfg.lag*3/2, w.lag)
	}
	if w.cfg.operators {
		w.often(w.cfg.manuals/2, w.cfg.manuals*3/2, w.rotateByHand)
		w.often(w.cfg.emergencies/2, w.cfg.emergencies*3/2, w.revoke)
		w.often(w.cfg.restores/2, w.cfg.restores*3/2, w.restore)
	}
}

// often does something again and again, for ever.
func (w *world) often(from, to time.Duration, do func()) {
	w.after(w.draw(from, to), func() {
		do()
		w.often(from, to, do)
	})
}

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

// crash stops a replica for a while.
func (w *world) crash(r *replica) {
	d := w.draw(time.Second, time.Minute)
	if w.chance(0.3) {
		d = w.draw(time.Minute, 2*day)
	}
	w.restart(r, d)
}

// restart stops a replica and starts it with what is then the newest policy of its own.
func (w *world) restart(r *replica, down time.Duration) {
	if !r.up {
		return
	}
	w.report.count("restarts of replicas")
	r.stop()
	w.after(down, func() {
		r.start()
		for range 3 {
			w.after(w.draw(0, time.Minute), func() { w.request(r, 0) })
		}
	})
}

// rest stops a keeper for up to days.
func (w *world) rest(k *keeperProcess) {
	if !k.up {
		return
	}
	w.report.count("rests of keepers")
	k.stop()
	d := w.draw(time.Second, time.Hour)
	if w.chance(0.5) {
		d = w.draw(time.Hour, 8*day)
	}
	w.after(d, k.start)
}

// deploy rolls the next policy out, replica by replica; keepers get it at times
// of their own.
func (w *world) deploy() {
	if len(w.cfg.others) == 0 {
		return
	}
	w.policy = w.cfg.others[0]
	w.cfg.others = append(w.cfg.others[1:], w.policy)
	w.report.count("deployments")
	w.deployed = w.now
	over := w.draw(time.Minute, 6*time.Hour)
	policy := w.cfg.replicaPolicy(w.policy)
	for _, r := range w.replicas {
		w.after(w.draw(0, over), func() { w.redeploy(r, func() { r.policy = policy }) })
	}
	for _, k := range w.keepers {
		next := w.policy
		w.after(w.draw(0, over), func() {
			k.policy = next
			if k.up {
				k.stop()
				w.after(w.draw(0, time.Minute), k.start)
			}
		})
	}
	w.burstsAround(w.vault.latest)
}

// redeploy changes a replica while it is down.
func (w *world) redeploy(r *replica, do func()) {
	if !r.up {
		do()
		return
	}
	w.restart(r, w.draw(time.Second, time.Minute))
	do()
}

// write is an operator's request to Vault, which must be there.
func (w *world) write(path string, in map[string]string) {
	if _, err := w.vault.Write(w.ctx, path, in, nil); err != nil {
		panic(err)
	}
}

func (w *world) rotateByHand() {
	if w.vaultDown {
		w.after(time.Hour, w.rotateByHand)
		return
	}
	times := 1
	if w.chance(0.3) {
		times = 2
	}
	for range times {
		w.byHand = !w.cfg.disguised
		w.write(vaultkeys.Paths{}.Rotate(ring), nil)
		w.byHand = false
	}
}

// revoke is `signet keys revoke`: the list, a version to go on with, both
// minimums, trim. Seconds pass between the steps.
func (w *world) revoke() {
	if w.vaultDown || w.redis.down || w.now < w.handOver {
		w.after(3*time.Hour, w.revoke)
		return
	}
	suspect := w.suspect()
	k := w.publics[w.vault.versions[suspect].PublicKey]
	if k.revokedAt > 0 {
		return
	}
	w.report.count("revocations")
	w.catchUp()
	w.revoked[k.kid], k.revokedAt, k.dead, w.lastRevoked = true, w.now, true, w.now
	if !w.cfg.forgetful {
		w.redis.revoked[k.kid] = true
	}
	w.syncAll()
	for range 40 {
		w.after(w.draw(0, 3*time.Hour), func() { w.forge(k) })
		w.after(w.draw(0, 90*day), func() { w.forge(k) })
	}
	w.after(w.draw(0, 5*time.Second), func() { w.promote(suspect) })
}

// suspect is a version that is said to be stolen: the one that signs, as a rule.
func (w *world) suspect() int {
	if w.chance(0.7) {
		for _, r := range w.replicas {
			if k, err := r.rings.SigningKey(ring); err == nil && r.up {
				return k.Version
			}
		}
	}
	return w.vault.minDec + w.rng.IntN(w.vault.latest-w.vault.minDec+1)
}

func (w *world) promote(suspect int) {
	if w.vaultDown {
		w.after(time.Minute, func() { w.promote(suspect) })
		return
	}
	target := 0
	for n := suspect + 1; n <= w.vault.latest && w.chance(0.7); n++ {
		if !w.revoked[w.publics[w.vault.versions[n].PublicKey].kid] {
			target = n // published already
			break
		}
	}
	w.emergency = true
	if target == 0 {
		w.byHand = true
		w.write(vaultkeys.Paths{}.Rotate(ring), nil)
		target = w.vault.latest
	}
	w.emergency, w.byHand = false, false
	w.publics[w.vault.versions[target].PublicKey].promoted = true
	for _, r := range w.replicas { // under way when the minimums rise
		w.request(r, requestDeadline)
	}
	w.after(w.draw(0, 2*time.Second), func() { w.raise(target) })
}

func (w *world) raise(target int) {
	if w.vaultDown || target < w.vault.minDec {
		return
	}
	w.emergency = true
	minimum := strconv.Itoa(target)
	w.write(vaultkeys.Paths{}.KeyConfig(ring), map[string]string{
		"min_decryption_version": minimum, "min_encryption_version": strconv.Itoa(max(target, w.vault.minEnc)),
	})
	w.write(vaultkeys.Paths{}.Trim(ring), map[string]string{"min_available_version": minimum})
	w.emergency = false
	for range 5 {
		w.after(w.draw(0, time.Minute), func() { w.burst(0.5) })
	}
}

// restore puts a backup back: one from before the last revocation, or any of
// the last weeks.
func (w *world) restore() {
	if w.vaultDown || len(w.backups) == 0 {
		return
	}
	b := w.backups[max(0, len(w.backups)-1-w.rng.IntN(12))]
	if w.chance(0.5) {
		for _, of := range w.backups {
			if of.at < w.lastRevoked {
				b = of
			}
		}
	}
	w.report.count("restores")
	w.restored, w.handOver = w.now, w.now+12*time.Hour+2*refreshInterval
	w.vault.restore(b.state)
	for k := range w.listing(w.vault.state) {
		if k.revokedAt > 0 {
			w.report.count("restores that bring a revoked key back")
			for range 20 {
				w.after(w.draw(0, day), func() { w.forge(k) })
			}
		}
	}
	for _, r := range w.replicas { // what vanished is published no longer after max_ttl
		for _, d := range []time.Duration{0, 5 * time.Second, 10 * time.Second, time.Minute} {
			w.after(r.policy.MaxTTL+d, func() { r.catchUp(); r.record() })
		}
	}
	w.after(w.draw(time.Minute, time.Hour), w.mend)
	for range 5 {
		w.after(w.draw(0, time.Hour), func() { w.burst(0.5) })
	}
}

// mend: if nothing that Vault lists may sign, an operator rotates.
func (w *world) mend() {
	for k := range w.listing(w.vault.state) {
		if k.revokedAt == 0 {
			return
		}
	}
	if w.vaultDown {
		w.after(time.Hour, w.mend)
		return
	}
	w.emergency, w.byHand = true, true
	w.write(vaultkeys.Paths{}.Rotate(ring), nil)
	w.emergency, w.byHand = false, false
}
