package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// KeyRequest is a request of Vault's audit log that names a transit key and
// succeeded, or may have.
type KeyRequest struct {
	Time      time.Time
	RequestID string
	// Key is the transit key.
	Key    string
	Action Action
	// Set are the names of the parameters that a [Config] action sets.
	Set []string
	// Unanswered says that the log has no answer: it may or may not be done.
	Unanswered bool
	// Who asked: Accessor and EntityID may be hashes, as the log has them.
	DisplayName, EntityID, Accessor, RemoteAddress string
	// State is the key after the request, nil if the answer does not show it.
	State *KeyState
}

// Action is what a request does to a key.
type Action string

// The actions.
const (
	Read      Action = "read"
	Create    Action = "create" // leaves a key that exists as it is
	Rotate    Action = "rotate"
	Configure Action = "config"
	Trim      Action = "trim"
	Delete    Action = "delete"
	Export    Action = "export"
	Backup    Action = "backup"
	Restore   Action = "restore"
	Import    Action = "import"
)

// KeyState is a transit key as Vault answers.
type KeyState struct {
	Latest, MinDecryption, MinEncryption, MinAvailable int
	// Created are the creation times of the versions that Vault lists; nil for a
	// key whose versions it does not list, which is one of type hmac.
	Created map[int]time.Time
	// Revoked are the versions that must not sign, whatever Vault lists.
	Revoked map[int]bool
}

// ChangeKind is what changed of a key.
type ChangeKind string

// The changes. Minimums raised and lowered are told by the state before.
const (
	Created             ChangeKind = "created"
	Rotated             ChangeKind = "rotated"
	MinEncryptionRaised ChangeKind = "min_encryption_raised"
	MinDecryptionRaised ChangeKind = "min_decryption_raised"
	BothMinimumsRaised  ChangeKind = "both_minimums_raised"
	MinimumsSet         ChangeKind = "minimums_set" // the state before is not known
	MinimumsLowered     ChangeKind = "minimums_lowered"
	Trimmed             ChangeKind = "trimmed"
	Configured          ChangeKind = "configured"
	Deleted             ChangeKind = "deleted"
	Exported            ChangeKind = "exported"
	BackedUp            ChangeKind = "backed_up"
	Restored            ChangeKind = "restored"
	Imported            ChangeKind = "imported"
	unchanged           ChangeKind = ""
)

// The parameters of keys/<key>/config that Signet and its operators set
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#update-key-configuration).
const (
	minEncryptionVersion = "min_encryption_version"
	minDecryptionVersion = "min_decryption_version"
)

// Alarm reports whether Signet and its operators never do it.
func (k ChangeKind) Alarm() bool {
	switch k {
	case MinimumsLowered, Configured, Deleted, Exported, BackedUp, Restored, Imported:
		return true
	case Created, Rotated, MinEncryptionRaised, MinDecryptionRaised, BothMinimumsRaised, MinimumsSet, Trimmed, unchanged:
	}
	return false
}

// Changes are the changes of keys.
type Changes = Latest[Change]

// Change is one change of a key.
type Change struct {
	Time       time.Time  `json:"time"`
	Key        string     `json:"key"`
	Kind       ChangeKind `json:"kind"`
	Detail     string     `json:"detail,omitempty"`
	Unanswered bool       `json:"unanswered,omitempty"`
	// Emergency says that live tokens may have ended by it, or sessions: the older
	// version might still have signed within the ring's max_ttl.
	Emergency     bool   `json:"emergency,omitempty"`
	DisplayName   string `json:"display_name,omitempty"`
	EntityID      string `json:"entity_id,omitempty"`
	Accessor      string `json:"accessor,omitempty"`
	RemoteAddress string `json:"remote_address,omitempty"`
	RequestID     string `json:"request_id"`
}

// changesMax is how many are listed.
const changesMax = 500

// KeyRequest tells of a request. They must come in the order of time for
// changes to be told from the state before.
func (c *Collector) KeyRequest(r *KeyRequest) {
	k := c.key(r.Key)
	kind, detail := k.change(r)
	emergency := k.endsTokens(r, kind, c.maxTTL(r.Key))
	k.see(r)
	if kind == unchanged || !c.counts(r.Time) {
		return
	}
	c.count(KeyRequests, string(kind), r.Time, 1)
	if emergency {
		c.count(Emergencies, r.Key, r.Time, 1)
	}
	if kind == Rotated {
		c.count(Rotations, r.who(), r.Time, 1)
	}
	c.changes.add(Change{
		Time: r.Time.UTC(), Key: r.Key, Kind: kind, Detail: detail, Unanswered: r.Unanswered, Emergency: emergency, DisplayName: r.DisplayName,
		EntityID: r.EntityID, Accessor: r.Accessor, RemoteAddress: r.RemoteAddress, RequestID: r.RequestID,
	}, changesMax)
}

func (c Change) at() time.Time { return c.Time }

// who is whoever asked, by the name that people know.
func (r *KeyRequest) who() string {
	switch {
	case r.DisplayName != "" && r.EntityID != "":
		return r.DisplayName + ", entity " + r.EntityID
	case r.DisplayName != "" && r.Accessor != "":
		return r.DisplayName + ", accessor " + r.Accessor
	}
	return orNone(cmp.Or(r.DisplayName, r.EntityID, r.Accessor))
}

// simple are the actions that say all by themselves.
var simple = map[Action]ChangeKind{
	Delete: Deleted, Export: Exported, Backup: BackedUp, Restore: Restored, Import: Imported, Trim: Trimmed,
}

// change says what a request changed.
func (k *key) change(r *KeyRequest) (ChangeKind, string) {
	switch r.Action {
	case Read:
		return unchanged, ""
	case Rotate:
		if r.State != nil {
			return Rotated, fmt.Sprintf("latest_version %d", r.State.Latest)
		}
		return Rotated, ""
	case Create:
		if k.logged != nil || r.State != nil && r.State.Latest > 1 {
			return unchanged, "" // Vault leaves a key that exists alone
		}
		return Created, ""
	case Configure:
		return k.config(r)
	case Trim:
		if r.State != nil {
			return Trimmed, fmt.Sprintf("min_available_version %d", r.State.MinAvailable)
		}
	case Delete, Export, Backup, Restore, Import:
	}
	return simple[r.Action], ""
}

// config says what a keys/<key>/config changed.
func (k *key) config(r *KeyRequest) (ChangeKind, string) {
	if k.logged == nil || r.State == nil {
		return configUnknown(r)
	}
	before, after := k.logged, r.State
	var detail []string
	raised, lowered := 0, false
	kind := unchanged
	for _, m := range []struct {
		name          string
		raised        ChangeKind
		before, after int
	}{
		{minEncryptionVersion, MinEncryptionRaised, before.MinEncryption, after.MinEncryption},
		{minDecryptionVersion, MinDecryptionRaised, before.MinDecryption, after.MinDecryption},
	} {
		if m.before == m.after {
			continue
		}
		detail = append(detail, fmt.Sprintf("%s %d to %d", m.name, m.before, m.after))
		if lowered = lowered || m.after < m.before; m.after > m.before {
			kind, raised = m.raised, raised+1
		}
	}
	others := slices.DeleteFunc(slices.Clone(r.Set), minimum)
	detail = append(detail, sets(others)...)
	switch {
	case lowered:
		kind = MinimumsLowered
	case len(others) > 0:
		kind = Configured
	case raised == 2:
		kind = BothMinimumsRaised
	}
	return kind, strings.Join(detail, ", ")
}

func configUnknown(r *KeyRequest) (ChangeKind, string) {
	kind := MinimumsSet
	if slices.ContainsFunc(r.Set, func(name string) bool { return !minimum(name) }) {
		kind = Configured
	}
	detail := sets(r.Set)
	if r.State != nil {
		detail = []string{fmt.Sprintf("%s %d, %s %d", minEncryptionVersion, r.State.MinEncryption, minDecryptionVersion, r.State.MinDecryption)}
	}
	return kind, strings.Join(detail, ", ")
}

// endsTokens reports whether a request raised min_decryption_version while tokens
// of a version below might live: a keeper waits until they have all expired.
func (k *key) endsTokens(r *KeyRequest, kind ChangeKind, maxTTL time.Duration) bool {
	switch kind {
	case BothMinimumsRaised:
		return true
	case MinDecryptionRaised:
		return k.fenced.version >= r.State.MinDecryption && r.Time.Before(k.fenced.at.Add(maxTTL))
	case Created, Rotated, MinEncryptionRaised, MinimumsSet, MinimumsLowered, Trimmed, Configured, Deleted, Exported, BackedUp,
		Restored, Imported, unchanged:
	}
	return false
}

// maxTTL is the longest life of a ring's tokens, 0 for a key that is no ring's.
func (c *Collector) maxTTL(name string) time.Duration {
	for i := range c.cfg.Rings {
		if c.cfg.Rings[i].Name == name {
			return c.cfg.Rings[i].Policy.MaxTTL
		}
	}
	return 0
}

func minimum(name string) bool { return name == minEncryptionVersion || name == minDecryptionVersion }

func sets(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	names = slices.Sorted(slices.Values(names))
	return []string{"sets " + strings.Join(names, " and ")}
}
