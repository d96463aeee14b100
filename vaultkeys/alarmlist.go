package vaultkeys

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Alarm is an alarming condition of a ring that holds now.
type Alarm struct {
	Ring string
	// Kind is the metric's label and the log's "alarm".
	Kind string
	// Version is 0, and KID empty, where it is about the ring as a whole.
	Version int
	KID     string
	// Since is when this process first saw it.
	Since time.Time
}

// eventMargin is how much longer than the last token of its key an event is
// shown: for somebody who looks at it in the morning.
const eventMargin = time.Hour

// isEvent reports whether an alarm is about a change, which is over as soon as
// it is seen, and not about a condition.
func (k alarmKind) isEvent() bool { return k == alarmVanished || k == alarmKeyChanged }

// alarmList is what holds of one ring. The ring's reader, the notes of kids and
// the readiness probe use it at once.
type alarmList struct {
	mu   sync.Mutex
	held map[alarm]holding
}

type holding struct {
	since time.Time
	until time.Time // of an event; zero for a condition, which holds until it is lowered
}

// raise notes an alarm and reports whether it is new. An event is shown until
// then; seen again, from then on for as long again.
func (l *alarmList) raise(a alarm, now, until time.Time) bool {
	if !a.kind.isEvent() {
		until = time.Time{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[alarm]holding{}
	}
	h, known := l.held[a]
	if !known || h.over(now) {
		h.since, known = now, false
	}
	h.until = until
	l.held[a] = h
	return !known
}

// lower ends a condition.
func (l *alarmList) lower(a alarm) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.held, a)
}

// settle ends the conditions of a kind that are not among those seen.
func (l *alarmList) settle(kind alarmKind, seen []alarm) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for a := range l.held {
		if a.kind == kind && !slices.Contains(seen, a) {
			delete(l.held, a)
		}
	}
}

// at are those that hold, by kind and version, and forgets events that are over.
func (l *alarmList) at(ring string, now time.Time) []Alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Alarm
	for a, h := range l.held {
		if h.over(now) {
			delete(l.held, a)
			continue
		}
		out = append(out, Alarm{Ring: ring, Kind: string(a.kind), Version: a.version, KID: a.kid, Since: h.since})
	}
	slices.SortFunc(out, func(a, b Alarm) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Version, b.Version), cmp.Compare(a.KID, b.KID))
	})
	return out
}

func (h holding) over(now time.Time) bool { return !h.until.IsZero() && !now.Before(h.until) }

// Alarms are those that hold now, ring by ring in the order of the
// configuration. A condition holds while it is seen. That a version vanished, or
// changed its key, is shown for max_ttl, within which the old key's tokens
// end, and an hour more.
func (r *Rings) Alarms() []Alarm {
	now := r.cfg.Now()
	var out []Alarm
	for _, reader := range r.readers {
		out = append(out, reader.alarms.at(reader.cfg.Name, now)...)
	}
	return out
}
