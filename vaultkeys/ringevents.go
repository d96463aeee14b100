package vaultkeys

import (
	"time"

	"signet/signer"
)

// RingEvent is a change of a key ring, as this process sees it.
type RingEvent struct {
	Ring string
	// Kind is one of the constants below, or the kind of an alarm.
	Kind string
	// Version and KID are zero for what is about the ring as a whole.
	Version int
	KID     string
}

// The kinds of events that are no alarms.
const (
	// EventPublished: Vault lists a version that was not known here.
	EventPublished = "published"
	// EventSigning: another version signs from now on.
	EventSigning = "signing"
	// EventRetired: Vault lists a version no more, because a minimum rose.
	EventRetired = "retired"
)

// changes tells what differs between two snapshots of a ring; prev may be nil.
// What vanished otherwise than by a minimum is an alarm, and told as one.
func changes(ring string, prev, next *snapshot) []RingEvent {
	var all []RingEvent
	tell := func(kind string, k signer.Key) {
		all = append(all, RingEvent{Ring: ring, Kind: kind, Version: k.Version, KID: k.KID})
	}
	before, now := map[string]keyVersion{}, map[string]keyVersion{}
	for _, v := range next.listed {
		now[v.key.KID] = v
	}
	if prev != nil {
		for _, v := range prev.listed {
			before[v.key.KID] = v
			_, barred := next.barred[v.key.KID]
			if _, still := now[v.key.KID]; !still && !barred {
				tell(EventRetired, v.key)
			}
		}
	}
	for _, v := range next.listed {
		if _, known := before[v.key.KID]; !known {
			tell(EventPublished, v.key)
		}
	}
	return all
}

// signs tells the version that signs now, if it is another one than at the last
// look. Only the ring's reader calls it.
func (r *ringReader) signs(s *snapshot, now time.Time) {
	key, ok := s.signing(now)
	if ok && key.KID != r.signing {
		r.signing = key.KID
		r.rings.cfg.Events(RingEvent{Ring: r.cfg.Name, Kind: EventSigning, Version: key.Version, KID: key.KID})
	}
}
