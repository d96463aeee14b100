package simulation

import (
	"time"
)

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
