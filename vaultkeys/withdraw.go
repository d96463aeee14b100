package vaultkeys

import (
	"errors"
	"slices"

	"signet/vaultkeys/vaultapi"
)

// missingReads is how many times in a row Vault must say that a key does not
// exist before its versions count as vanished: one such answer may come from a
// node that is not up to date.
const missingReads = 3

// withdraw acts on what Vault's answer takes away although the rest of it
// cannot be used. Raising a minimum is the operator's kill switch, and wanted
// most for a key that is unfit, because somebody made it exportable; and a key
// that was deleted must not be published for ever. Nothing is added, and the
// snapshot gets no younger: the ring stops signing when it is stale.
func (r *ringReader) withdraw(in reading, cause error) {
	prev := r.rings.view.Load().rings[r.index]
	if errors.Is(cause, vaultapi.ErrNotFound) && !errors.Is(cause, vaultapi.ErrNotMounted) {
		r.missing++
	} else {
		r.missing = 0
	}
	if prev == nil {
		return
	}
	var next *snapshot
	var alarms []alarm
	switch {
	case r.missing >= missingReads, in.data != nil && in.data.Type != r.want.KeyType:
		next, alarms = prev.gone(r.cfg, reading{readAt: r.rings.cfg.Now()}, r.rings.revoked.Has)
	case in.data != nil:
		next = prev.above(in.data.MinDecryptionVersion, in.data.MinEncryptionVersion)
	default:
		return
	}
	duplicates, err := r.rings.publish(r.index, next, r.rings.cfg.Now())
	if err != nil {
		r.log.Error("withdrawing key versions", "error", err)
		return
	}
	r.report(alarms, duplicates)
}

// above is the snapshot without what is below the minimums of a later answer.
func (s *snapshot) above(minDecryption, minEncryption int) *snapshot {
	next := *s
	next.listed = slices.DeleteFunc(slices.Clone(s.listed), func(v keyVersion) bool { return v.key.Version < minDecryption })
	next.vanished = slices.DeleteFunc(slices.Clone(s.vanished), func(v vanishedKey) bool { return v.key.Version < minDecryption })
	next.ring.MinDecryption = max(s.ring.MinDecryption, minDecryption)
	next.ring.MinEncryption = max(s.ring.MinEncryption, minEncryption)
	return &next
}

// gone is the snapshot of a key that is no more: all its versions have vanished.
func (s *snapshot) gone(cfg *RingConfig, in reading, revoked func(kid string) bool) (*snapshot, []alarm) {
	in.cfg = cfg
	in.data = &KeyData{
		LatestVersion: s.ring.Latest, MinDecryptionVersion: s.ring.MinDecryption, MinEncryptionVersion: s.ring.MinEncryption,
	}
	next, alarms := fold(s, in, revoked)
	next.readAt, next.clockOffset = s.readAt, s.clockOffset
	return next, alarms
}
