package keeper

import (
	"context"
	"time"
)

// Lease is held by one keeper at a time, as a rule. It merely saves work: no
// write is safe because of it, and none waits for it for long.
type Lease interface {
	// Hold takes the lease, or keeps it, and reports whether this keeper has it.
	// After an error the keeper carries on as if it had.
	Hold(ctx context.Context) (bool, error)
}

// FirstSeen remembers when a version was first seen, for keys that Vault gives
// no creation times, and when versions were first seen retired.
type FirstSeen interface {
	// FirstSeen stores now if nothing is stored for that name and version yet,
	// and returns what is stored. The name is a ring's, or [vaultkeys.RetiredName].
	// After an error nothing that depends on it happens this round.
	FirstSeen(ctx context.Context, name string, version int, now time.Time) (time.Time, error)
}

// MaxTTLs are the max_ttl that the replicas sign with, which in a rolling
// change of the configuration are not all the keeper's own.
type MaxTTLs interface {
	// Largest is the largest that was reported for a ring in the last 12h; 0 =
	// no report. No report and an error both mean 12h.
	Largest(ctx context.Context, ring string) (time.Duration, error)
}

// Fences remembers since when a ring's fence stands.
type Fences interface {
	// See notes min_encryption_version, as it was seen at a time.
	See(ctx context.Context, ring string, minEncryption int, now time.Time) error
}

// Revoked are the kids that are dead whatever Vault says;
// *vaultkeys.RevokedKIDs fits.
type Revoked interface {
	// Sync reads the list anew; after an error what was known still holds.
	Sync(ctx context.Context) (learned, restored []string, err error)
	// Has reports whether a kid is on it.
	Has(kid string) bool
}

// KIDs are the kids that replicas noted of the versions of a ring.
type KIDs interface {
	// Recall is by version; what nobody noted is missing. After an error nothing
	// happens to an HS256 ring this round: a fence might rise to a revoked version.
	Recall(ctx context.Context, ring string) (map[int]string, error)
}
