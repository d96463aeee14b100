package simulation

import (
	"slices"
	"time"

	"signet/vaultkeys/lifecycle"
)

// Who made a version.
const (
	bySchedule = "the schedule"
	byHand     = "an operator"
)

// judge looks at a change of Vault's state before it happens.
func (w *world) judge(c change) {
	if c.kind == "rotate" {
		w.judgeRotation(c)
	}
	if c.kind == "trim" {
		w.report.count("trims")
	}
	if c.to.minEnc > c.from.minEnc && c.kind != "restore" {
		w.report.count("fences")
	}
	if c.to.minDec <= c.from.minDec || c.kind == "restore" {
		return
	}
	w.report.count("retirements")
	after := w.listing(c.to)
	for k := range w.listing(c.from) {
		if _, stays := after[k]; stays {
			continue
		}
		switch {
		case w.emergency:
			k.dead = true
		case !k.dead && k.until > w.now:
			w.report.violation(w.now, tokenOutlives, "%s is retired %v before its last token ends", k.kid, k.until-w.now)
		}
	}
}

func (w *world) judgeRotation(c change) {
	made := bySchedule
	if w.byHand {
		made = byHand
	}
	k := w.learn(c.to.versions[c.to.latest], made)
	k.promoted = w.emergency || !w.maySign(c.from)
	w.report.count("rotations by " + made)
	// Two keepers may rotate for the same reason: the second is extra.
	doubled := w.now-w.rotated < time.Minute
	if doubled {
		w.report.count("rotations doubled")
	}
	if w.byHand || doubled {
		w.extra = append(w.extra, c.to.latest)
	}
	w.rotated = w.now
	live := c.to.latest - c.to.minDec + 1
	if limit := 3 + len(w.extra); live > limit && !w.overfull {
		w.report.violation(w.now, liveVersions, "%d of them after a rotation by %s, of which %d are extra", live, made, len(w.extra))
	}
	w.report.most("live versions", live)
}

// maySign says whether there is a version that is neither fenced nor revoked. A
// restore may bring back none, and then the next one signs at once.
func (w *world) maySign(s state) bool {
	for k, n := range w.listing(s) {
		if n >= s.minEnc && k.revokedAt == 0 {
			return true
		}
	}
	return false
}

// relist keeps what Vault lists, and since when.
func (w *world) relist(c change) {
	before, after := w.listing(c.from), w.listing(c.to)
	for k := range after {
		if _, was := before[k]; !was {
			k.listed, k.since = true, w.now
			k.promoted = k.promoted || c.kind == "restore"
		}
	}
	for k := range before {
		if _, is := after[k]; !is {
			k.listed = false
			k.dead = k.dead || c.kind == "restore"
		}
	}
	w.extra = slices.DeleteFunc(w.extra, func(n int) bool { return n < c.to.minDec || n > c.to.latest })
	if live := c.to.latest - c.to.minDec + 1; c.kind == "restore" {
		w.overfull = live > 3
	} else if live <= 3 {
		w.overfull = false
	}
}

// agree compares the replicas, if the last change was a refresh interval ago.
func (w *world) agree() {
	if w.vaultDown || w.now <= w.changed+refreshInterval {
		return
	}
	var first *replica
	var chosen []choice
	for _, r := range w.replicas {
		r.catchUp()
		if !r.up || !r.canRead() || r.since+refreshInterval >= w.now || r.started+refreshInterval >= w.now {
			continue
		}
		if !r.rings.Ready() && w.now < w.redis.until+refreshInterval {
			continue // it starts with the revoked kids
		}
		if r.polled < w.changed {
			w.report.violation(w.now, agreement, "replica %d has not read Vault since the change %v ago", r.id, w.now-w.changed)
			continue
		}
		if first == nil {
			first = r
		}
		w.report.count("comparisons of replicas")
		if a, b := r.serve(w.now), first.serve(w.now); w.settled(r) && w.settled(first) && (!a.ok || a.kids != b.kids) {
			w.report.violation(w.now, agreement, "replicas %d and %d serve different sets, %v after the last change: %x %x", r.id, first.id, w.now-w.changed, a.kids, b.kids)
		}
		chosen = w.compareChoice(chosen, r)
	}
}

// settled says whether a replica publishes nothing any more that a restore made
// vanish: max_ttl has passed since it read what was restored.
func (w *world) settled(r *replica) bool {
	return w.now > max(w.restored, min(r.since, w.handOver))+r.policy.MaxTTL+2*refreshInterval
}

// choice is what a replica with such a policy signs with.
type choice struct {
	delay    time.Duration
	restored bool // it has seen the last restore: what vanished then does not sign with it
	replica  int
	kid      string
}

func (w *world) compareChoice(chosen []choice, r *replica) []choice {
	if w.activating(r.policy) {
		return chosen // clocks differ
	}
	k, err := r.rings.SigningKey(ring)
	if err != nil {
		return chosen
	}
	mine := choice{r.policy.PublishDelay, r.started < w.restored, r.id, k.KID}
	i := slices.IndexFunc(chosen, func(c choice) bool { return c.delay == mine.delay && c.restored == mine.restored })
	if i < 0 {
		return append(chosen, mine)
	}
	if other := chosen[i]; other.kid != mine.kid {
		w.report.violation(w.now, agreement, "replicas %d and %d sign with %s and %s, %v after the last change", mine.replica, other.replica, mine.kid, other.kid, w.now-w.changed)
	}
	return chosen
}

// activating says whether a version becomes active about now.
func (w *world) activating(p lifecycle.Policy) bool {
	latest := instant(-day)
	for n := 1; n <= w.vault.latest; n++ {
		if v, ok := w.vault.versions[n]; ok {
			latest = max(latest, v.CreationTime.Sub(epoch))
			if (w.now - latest - p.PublishDelay).Abs() <= clockSkew+time.Second {
				return true
			}
		}
	}
	return false
}
