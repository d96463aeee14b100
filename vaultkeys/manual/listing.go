package manual

import (
	"time"

	"signet/vaultkeys/lifecycle"
)

// The states of a version besides lifecycle's.
const (
	Retired lifecycle.State = "retired" // below min_decryption_version: Vault lists it no more
	Trimmed lifecycle.State = "trimmed" // deleted for good
	Revoked lifecycle.State = "revoked" // on the revoked list, and Vault still lists it
)

// Listing is all rings at one moment.
type Listing struct {
	Rings []RingListing
	// Revoked are the kids on the revoked list, and where Vault lists them.
	Revoked []RevokedKID
	// Complete says that all rings of the configuration were read: then a kid that
	// no ring lists is gone from Vault.
	Complete bool
	Notes    []string
}

// RingListing is one ring.
type RingListing struct {
	Name, Algorithm string
	// Now is Vault's clock.
	Now time.Time
	// MinDecryption, MinEncryption, MinAvailable and Latest are Vault's.
	MinDecryption, MinEncryption, MinAvailable, Latest int
	RotationPeriod                                     time.Duration
	Versions                                           []VersionListing // newest first
}

// VersionListing is one version. A zero time is not known, or does not apply.
type VersionListing struct {
	Version
	State lifecycle.State
	// SignsFrom is its activation, SignsUntil that of the version after it, and
	// RetiresAt when no live token of it is left.
	SignsFrom, SignsUntil, RetiresAt When
	// Age is since CreatedAt, 0 if that is not known.
	Age time.Duration
	// Over says what the age of a version that signs, or will, exceeds.
	Over Over
	// Use is nil if it is not known.
	Use *KIDUse
}

// When is a time, or why there is none.
type When struct {
	At time.Time
	// Planned says that it depends on a step that nobody has taken yet.
	Planned bool
	// Why there is no time, or what it is planned by.
	Why string
}

// Over is a limit that a version's age exceeds.
type Over string

// The limits.
const (
	OverNothing        Over = ""
	OverRotationPeriod Over = "rotation_period"
	OverCryptoperiod   Over = "cryptoperiod"
)

// RevokedKID is an entry of the revoked list.
type RevokedKID struct {
	KID string
	Revocation
	// InConfig and InRedis say where it is listed.
	InConfig, InRedis bool
	// ListedBy is the ring of which Vault lists it all the same: an alarm.
	ListedBy string
}
