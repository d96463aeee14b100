package simulation

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"signet/vaultkeys"
)

// backup is a copy of Vault's storage.
type backup struct {
	at instant
	state
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
	back := slices.SortedFunc(maps.Keys(w.listing(w.vault.state)), func(a, b *key) int { return a.index - b.index })
	for _, k := range back {
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
