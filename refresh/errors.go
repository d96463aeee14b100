package refresh

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is every cause of an invalid_grant: the caller answers all of
	// them alike (RFC 6749 5.2), so that nobody learns why. A [*Reason] inside
	// tells the log.
	ErrInvalid = errors.New("invalid refresh token")
	// ErrReuse is an ErrInvalid: a token was used after its successor, and the
	// session is revoked (RFC 9700 4.14.2).
	ErrReuse = fmt.Errorf("%w: used before", ErrInvalid)
	// ErrUnavailable means that Redis or the keys could not be asked: nothing
	// is known about the token, which stays as good as it was.
	ErrUnavailable = errors.New("sessions are unavailable")
)

// Cause says why a refresh token was refused; for logs and metrics only.
type Cause string

// The causes of an ErrInvalid.
const (
	CauseMalformed  Cause = "malformed"   // not our format
	CauseForged     Cause = "forged"      // the MAC does not fit
	CauseRetiredKey Cause = "retired_key" // its MAC key version, or its session's, is below the minimum
	CauseAbsent     Cause = "absent"
	CauseRevoked    Cause = "revoked"
	CauseExpired    Cause = "expired"
	CauseTampered   Cause = "tampered" // the record in Redis is not what we wrote
	CauseClient     Cause = "foreign_client"
	CauseSender     Cause = "foreign_sender"
	CauseReuse      Cause = "reuse"
	CauseRolledBack Cause = "rolled_back" // Redis is further behind than a failover explains
)

// Reason is the cause of an ErrInvalid.
type Reason struct{ Cause Cause }

func (r *Reason) Error() string { return "invalid refresh token: " + string(r.Cause) }

// Is makes every Reason an ErrInvalid, and a reuse an ErrReuse as well.
func (r *Reason) Is(target error) bool {
	return target == ErrInvalid || target == ErrReuse && r.Cause == CauseReuse
}

func invalid(c Cause) error { return &Reason{Cause: c} }

func unavailable(doing string, err error) error {
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, doing, err)
}
