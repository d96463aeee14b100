package simulation

import (
	"time"
)

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
