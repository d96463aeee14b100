package reconcile

import "time"

// Kind is what a finding is about.
type Kind string

// The kinds of findings.
const (
	// UndeclaredSignature: Vault signed what no record declares.
	UndeclaredSignature Kind = "undeclared_signature"
	// ExtraItem is one beside declared ones in the same request.
	ExtraItem Kind = "extra_item"
	// SignedMoreOften: there are more signatures of an input than declarations.
	SignedMoreOften Kind = "signed_more_often"
	// WrongVersion: signed under another key version than declared.
	WrongVersion Kind = "wrong_version"
	// DeclaredLate: the declaration is younger than the signature.
	DeclaredLate Kind = "declared_late"
	// JTITwice: one jti was issued with two inputs.
	JTITwice Kind = "jti_twice"
	// UnsignedRecord: declared as issued, and not in Vault's log.
	UnsignedRecord Kind = "unsigned_record"
	// BrokenChain and BadRecord are package records' problems.
	BrokenChain Kind = "broken_chain"
	BadRecord   Kind = "bad_record"
	// DamagedLog: a line of Vault's log is torn, or a packed file is cut off.
	DamagedLog Kind = "damaged_log"
	// BrokenAnchor: a canary's reference in Vault's log is not the hash of the
	// record before the canary's.
	BrokenAnchor Kind = "broken_anchor"
	// OtherPath: a key was used in another way than Signet does.
	OtherPath Kind = "other_path"
	// Export, Backup, Restore and Import: a key, or a copy of all, left Vault or came in.
	Export  Kind = "export"
	Backup  Kind = "backup"
	Restore Kind = "restore"
	Import  Kind = "import"
	// KeyConfig: a key's settings were loosened.
	KeyConfig Kind = "key_config"
	// KeyDeleted and KeyCreated: a key that existed was deleted, or made again.
	KeyDeleted Kind = "key_deleted"
	KeyCreated Kind = "key_created"
	// PolicyChanged, RoleChanged, AuditDeviceChanged and MountChanged: who may use
	// the keys, or what is logged of it.
	PolicyChanged      Kind = "policy_changed"
	RoleChanged        Kind = "role_changed"
	AuditDeviceChanged Kind = "audit_device_changed"
	MountChanged       Kind = "mount_changed"
)

// Kinds are all there are, in the order in which they are shown.
var Kinds = []Kind{
	UndeclaredSignature, ExtraItem, SignedMoreOften, WrongVersion, DeclaredLate, JTITwice, UnsignedRecord, BrokenChain, BadRecord, DamagedLog, BrokenAnchor,
	OtherPath, Export, Backup, Restore, Import, KeyConfig, KeyDeleted, KeyCreated, PolicyChanged, RoleChanged, AuditDeviceChanged, MountChanged,
}

// Finding is one thing that an honest Signet does not leave behind.
type Finding struct {
	Kind Kind      `json:"kind"`
	Time time.Time `json:"time,omitzero"`
	// Log and Record are the lines that it was found by, as file:line.
	Log    string `json:"log,omitempty"`
	Record string `json:"record,omitempty"`
	// OtherRecord is the second record where two are at odds.
	OtherRecord string `json:"other_record,omitempty"`
	// RequestID is Vault's; it is what is written into a file of accepted ones.
	RequestID string `json:"request_id,omitempty"`
	Operation string `json:"operation,omitempty"`
	Path      string `json:"path,omitempty"`
	// Item is the place of the signature in its request, from 0.
	Item       *int   `json:"item,omitempty"`
	Key        string `json:"key,omitempty"`
	KeyVersion int    `json:"key_version,omitempty"`
	JTI        string `json:"jti,omitempty"`
	ClientID   string `json:"client_id,omitempty"`
	Replica    string `json:"replica,omitempty"`
	Seq        uint64 `json:"seq,omitempty"`
	Who        Who    `json:"who,omitzero"`
	// Message says what it means and what to do.
	Message string `json:"message"`
}
