package vaultkeys

import (
	"time"

	"signet/signer"
	"signet/vaultkeys/lifecycle"
)

// snapshot is what one successful read of one ring showed, folded into what
// was known before. It is immutable.
type snapshot struct {
	// readAt is when the read began: what it shows is at least that recent.
	readAt time.Time
	// clockOffset is by how much the local clock is provably ahead of Vault's
	// (negative: behind); see ClockOffset.
	clockOffset time.Duration

	ring     lifecycle.Ring // only versions that may sign; see settled
	policy   lifecycle.Policy
	schedule lifecycle.Schedule
	listed   []keyVersion // ascending by version, revoked ones included
	vanished []vanishedKey
	// barred are the kids that vanished once and never sign again here.
	barred map[string]struct{}
}

// vanishedKey is a key that Vault stopped listing although no minimum rose:
// tokens signed with it are still valid, so it stays published for a while.
type vanishedKey struct {
	keyVersion
	until time.Time
}

// reading is one successful read of one ring.
type reading struct {
	cfg         *RingConfig
	data        *KeyData
	versions    []keyVersion // ascending
	readAt      time.Time
	clockOffset time.Duration
}

// fold makes the next snapshot from the previous one (nil at first) and a
// reading, and says what is alarming in the difference.
func fold(prev *snapshot, in reading, revoked func(kid string) bool) (*snapshot, []alarm) {
	next := &snapshot{
		readAt: in.readAt, clockOffset: in.clockOffset,
		policy: in.cfg.EffectivePolicy(), listed: in.versions, barred: map[string]struct{}{},
	}
	listed := make(map[string]struct{}, len(in.versions))
	numbers := make(map[int]struct{}, len(in.versions))
	var alarms []alarm
	for _, v := range in.versions {
		listed[v.key.KID], numbers[v.key.Version] = struct{}{}, struct{}{}
		if revoked(v.key.KID) {
			alarms = append(alarms, alarm{alarmRevokedListed, v.key.Version, v.key.KID})
		}
	}
	if prev != nil {
		alarms = append(alarms, next.carry(prev, in, listed, numbers)...)
	}
	next.ring = in.data.Ring()
	return next, alarms
}

// settled is the snapshot with its ring and schedule worked out: of what is
// listed, only what is neither revoked, barred nor recalled may sign.
func (s *snapshot) settled(revoked func(kid string) bool) *snapshot {
	next := *s
	next.ring.Versions = make([]lifecycle.Version, 0, len(s.listed))
	for _, v := range s.listed {
		if _, barred := s.barred[v.key.KID]; !barred && !v.recalled && !revoked(v.key.KID) {
			next.ring.Versions = append(next.ring.Versions, lifecycle.Version{Number: v.key.Version, CreatedAt: v.created})
		}
	}
	next.schedule = lifecycle.NewSchedule(next.ring, next.policy)
	return &next
}

// carry takes over from the previous snapshot what Vault no longer shows.
func (s *snapshot) carry(prev *snapshot, in reading, listed map[string]struct{}, numbers map[int]struct{}) []alarm {
	for kid := range prev.barred {
		s.barred[kid] = struct{}{}
	}
	for _, v := range prev.vanished {
		_, back := listed[v.key.KID]
		// A minimum that rises above it is the operator's kill switch, as for a listed version.
		if !back && v.key.Version >= in.data.MinDecryptionVersion && in.readAt.Before(v.until) {
			s.vanished = append(s.vanished, v)
		}
	}
	var alarms []alarm
	for _, v := range prev.listed {
		if _, still := listed[v.key.KID]; still || v.key.Version < in.data.MinDecryptionVersion {
			continue // still there, or retired as it should be
		}
		kind := alarmVanished
		if _, reused := numbers[v.key.Version]; reused {
			kind = alarmKeyChanged
		}
		alarms = append(alarms, alarm{kind, v.key.Version, v.key.KID})
		s.barred[v.key.KID] = struct{}{}
		s.vanished = append(s.vanished, vanishedKey{v, in.readAt.Add(in.cfg.Policy.MaxTTL)})
	}
	return alarms
}

// age is how old the snapshot is. The monotonic clock does not count a
// suspended machine's sleep and the wall clock may be stepped: the larger of
// the two is the safe one.
func (s *snapshot) age(now time.Time) time.Duration {
	return max(now.Sub(s.readAt), now.Round(0).Sub(s.readAt.Round(0)))
}

// signing is the key that signs at now.
func (s *snapshot) signing(now time.Time) (signer.Key, bool) {
	number, ok := s.schedule.Signing(now)
	if !ok {
		return signer.Key{}, false
	}
	v, ok := s.version(number)
	return v.key, ok
}

// version finds a listed version. A linear search: a ring has few versions.
func (s *snapshot) version(number int) (keyVersion, bool) {
	for _, v := range s.listed {
		if v.key.Version == number {
			return v, true
		}
	}
	return keyVersion{}, false
}

// ClockOffset is by how much the local clock is provably ahead of Vault's
// (negative: behind), 0 if the two may agree. Vault made its Date at some
// moment between sent and received, and Date is cut to whole seconds (RFC 9110
// section 5.6.7), so Vault's clock then stood in [date, date+1s). A slow
// answer or the missing fraction must not look like a wrong clock; in return a
// distance may exceed the limit by up to a second and the answer's latency
// before it is noticed, which the 2*clock_skew in the guard of publish_delay
// leaves room for.
func ClockOffset(sent, received, date time.Time) time.Duration {
	if date.IsZero() {
		return 0
	}
	if ahead := sent.Sub(date.Add(time.Second)); ahead > 0 {
		return ahead
	}
	if behind := received.Sub(date); behind < 0 {
		return behind
	}
	return 0
}
