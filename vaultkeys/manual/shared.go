package manual

import (
	"context"
	"time"

	"signet/internal/sharedstate"
)

// Shared is what Redis knows. A nil member, and one that fails, is not known:
// then nothing that depends on it is done without force, but for a revocation.
type Shared struct {
	Revoked   RevokedList
	KIDs      KIDs
	Fences    Fences
	FirstSeen FirstSeen
	MaxTTLs   MaxTTLs
	Uses      KIDUses
}

// Revocation is why a kid is on the revoked list.
type Revocation = sharedstate.Revocation

// KIDUse is how often a kid was still met.
type KIDUse = sharedstate.KIDUse

// RevokedList are the kids that are dead whatever Vault says.
type RevokedList interface {
	List(ctx context.Context) (map[string]Revocation, error)
	// Revoke puts a kid on the list; it keeps an earlier record.
	Revoke(ctx context.Context, kid string, what Revocation) error
}

// KIDs are the replicas' notes of kids: Vault tells no kid of a retired version,
// and computes that of an HS256 version only until it is fenced.
type KIDs interface {
	Remember(ctx context.Context, ring string, version int, kid string) error
	Recall(ctx context.Context, ring string) (map[int]string, error)
}

// Fences are since when min_encryption_version has stood at or above a value.
type Fences interface {
	See(ctx context.Context, ring string, minEncryption int, now time.Time) error
	Since(ctx context.Context, ring string, version int) (at time.Time, ok bool, err error)
}

// FirstSeen remembers when a version was first seen: HS256 versions under the
// ring's name, a min_decryption_version under [vaultkeys.RetiredName].
type FirstSeen interface {
	FirstSeen(ctx context.Context, name string, version int, now time.Time) (time.Time, error)
}

// MaxTTLs are the max_ttl that the replicas sign with.
type MaxTTLs interface {
	// Largest is the largest that was reported for a ring; 0 = no report.
	Largest(ctx context.Context, ring string) (time.Duration, error)
}

// KIDUses are the counters of kids.
type KIDUses interface {
	// Read leaves out what was never counted.
	Read(ctx context.Context, kids ...string) (map[string]KIDUse, error)
}
