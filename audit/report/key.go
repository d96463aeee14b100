package report

import (
	"maps"
	"time"
)

// key is what is known of a transit key.
type key struct {
	// logged is its state in the log so far, answered Vault's own answer; nil if
	// that is not known.
	logged, answered     *KeyState
	loggedAt, answeredAt time.Time
	// made are creation times by version, from its log.
	made map[int]time.Time
	// fenced is the last raise of min_encryption_version in the log: from then on
	// no version below signed.
	fenced struct {
		version int
		at      time.Time
	}
}

// last is the latest that is known. Vault's own answer counts before its log's.
func (k *key) last() (s *KeyState, at time.Time, told Source) {
	switch {
	case k.answered != nil:
		return k.answered, k.answeredAt, FromVault
	case k.logged != nil:
		return k.logged, k.loggedAt, FromLog
	}
	return nil, time.Time{}, FromRecords
}

// key is the one of that name, which may be new.
func (c *Collector) key(name string) *key {
	k := c.keys[name]
	if k == nil {
		k = &key{made: map[int]time.Time{}}
		c.keys[name] = k
	}
	return k
}

// KeyState tells what Vault itself answers about a key at a time.
func (c *Collector) KeyState(name string, at time.Time, s *KeyState) {
	k := c.key(name)
	k.answered, k.answeredAt = s, at
}

// see remembers the state that a request left.
func (k *key) see(r *KeyRequest) {
	if r.Action == Delete && !r.Unanswered {
		k.logged, k.made = nil, map[int]time.Time{}
		return
	}
	if r.State == nil || r.Time.Before(k.loggedAt) {
		return
	}
	if k.logged != nil && r.State.MinEncryption > k.logged.MinEncryption {
		k.fenced.version, k.fenced.at = r.State.MinEncryption, r.Time
	}
	k.logged, k.loggedAt = r.State, r.Time
	maps.Copy(k.made, r.State.Created)
	if r.State.Created == nil && (r.Action == Rotate || r.Action == Create && r.State.Latest == 1) && k.made[r.State.Latest].IsZero() {
		k.made[r.State.Latest] = r.Time
	}
}
