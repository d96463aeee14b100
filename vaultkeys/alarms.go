package vaultkeys

// alarm is something about a key that an operator must look at.
type alarm struct {
	kind    alarmKind
	version int    // 0 if it is about the ring as a whole
	kid     string // empty if it is, and where the kid is not known
}

// alarmKind is a closed set: it becomes a metric's label.
type alarmKind string

const (
	alarmVanished      alarmKind = "version_vanished"
	alarmKeyChanged    alarmKind = "key_changed"
	alarmRevokedListed alarmKind = "revoked_listed"
	alarmDuplicateKey  alarmKind = "duplicate_key"
	alarmStale         alarmKind = "stale"
	alarmClockSkew     alarmKind = "clock_skew"
	alarmMisconfigured alarmKind = "misconfigured"
	alarmDeletable     alarmKind = "deletion_allowed"
	alarmKIDUnknown    alarmKind = "kid_unknown"
)

// alarmKinds are all of them.
var alarmKinds = []alarmKind{
	alarmVanished, alarmKeyChanged, alarmRevokedListed, alarmDuplicateKey, alarmStale,
	alarmClockSkew, alarmMisconfigured, alarmDeletable, alarmKIDUnknown,
}

// messages are the log lines of a ring's alarms, one for every kind.
var messages = map[alarmKind]string{
	alarmVanished: "a key version vanished from Vault although no minimum rose: it never signs again, and stays published for max_ttl",
	alarmKeyChanged: "a key version has another key than before (deleted and made anew, or restored from a backup): " +
		"the old key never signs again, and stays published for max_ttl",
	alarmRevokedListed: "Vault lists a revoked key: not published, not signing, not verifying",
	alarmDuplicateKey:  "two rings list the same key: only the first one signs with it",
	alarmStale:         "key ring is stale, too old to sign by: not signing, serving the last JWKS with a short max-age",
	alarmClockSkew:     "clock out of step with Vault's: not signing",
	alarmMisconfigured: "key ring misconfigured",
	alarmDeletable:     "the transit key may be deleted: unset deletion_allowed",
	alarmKIDUnknown: "Vault does not compute the kid of a fenced version any more, and no replica's note of it can be read: " +
		"tokens that it signed are not verified by this process, which started after the fence",
}
