package simulation

import (
	"slices"
	"time"
)

// beforeChange: polls up to now see Vault as it still is, and what can be
// signed just before a fence is.
func (w *world) beforeChange(c change) {
	w.catchUp()
	if c.to.minEnc > c.from.minEnc {
		w.burst(1)
	}
	w.judge(c)
}

// catchUp performs all replicas' polls up to now.
func (w *world) catchUp() {
	for _, r := range w.replicas {
		r.catchUp()
	}
}

func (w *world) afterChange(c change) {
	w.changed = w.now
	w.relist(c)
	for _, r := range w.replicas {
		w.at(r.cadence.next(w.now), r.catchUp)
	}
	for _, k := range w.keepers {
		k.wake()
	}
	if c.to.minEnc > c.from.minEnc {
		for range 4 {
			w.after(w.draw(0, 2*refreshInterval), func() { w.burst(0.3) })
		}
	}
	if c.kind == "rotate" {
		w.burstsAround(c.to.latest)
		if w.cfg.rude {
			w.after(0, func() { w.away(w.policy.PublishDelay + w.draw(0, 6*time.Hour)) })
		}
	}
	w.after(refreshInterval+time.Millisecond, w.agree)
	w.after(2*refreshInterval, w.agree)
}

// burstsAround: all replicas sign around the activation of a version, by every
// policy that may then hold, and around the fence that follows.
func (w *world) burstsAround(version int) {
	created := w.vault.versions[version].CreationTime.Sub(epoch)
	for _, delay := range w.delays() {
		for range w.cfg.bursts {
			w.at(created+delay+w.draw(-12*time.Second, 50*time.Second), func() { w.burst(0.3) })
		}
		for _, r := range w.replicas { // just before, and at once when it is active by its own clock
			activation := created + delay - r.off(created+delay)
			w.at(activation-time.Millisecond, func() { w.request(r, w.draw(0, requestDeadline)) })
			w.at(activation+time.Millisecond, func() { w.request(r, 0) })
		}
	}
	w.at(created+w.draw(0, w.policy.PublishDelay), w.agree)
}

// delays are the publish delays of the replicas and of what is being rolled out.
func (w *world) delays() []time.Duration {
	all := []time.Duration{w.policy.PublishDelay}
	for _, r := range w.replicas {
		if !slices.Contains(all, r.policy.PublishDelay) {
			all = append(all, r.policy.PublishDelay)
		}
	}
	return all
}
