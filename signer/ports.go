package signer

import (
	"context"
	"crypto"
	"errors"
	"time"
)

// What a Backend or Keys implementation reports; test with errors.Is.
var (
	// ErrUnavailable: the key holder cannot be asked now (sealed, unreachable,
	// stale snapshot, clock out of step). Worth a retry later; 503 to callers.
	ErrUnavailable = errors.New("signing is unavailable")
	// ErrOverloaded: the signing queue is full, or the caller's share of it, or the
	// caller's time was up in it while others were served. It says nothing against
	// the key holder.
	ErrOverloaded = errors.New("signing queue is full")
	// ErrVersionRefused: the key holder no longer signs with the pinned
	// version. The header must be rebuilt with the current kid.
	ErrVersionRefused = errors.New("key version refused")
	// ErrNoVersion: the ring was read, and none of its versions may sign, because
	// the last one that might was just revoked. It comes with ErrUnavailable.
	ErrNoVersion = errors.New("no version may sign")
	// ErrUnknownRing: no such key ring is configured.
	ErrUnknownRing = errors.New("unknown key ring")
	// ErrInvalidToken: the token is not one of ours, or not valid now. It never
	// says more to a caller (RFC 7662 section 2.2).
	ErrInvalidToken = errors.New("invalid token")
)

// Key is one version of one key ring, as the signer sees it. It is immutable:
// header, pinned key version and public key all come from the same value.
type Key struct {
	Ring      string
	Version   int
	Algorithm Algorithm
	// KID is the RFC 7638 SHA-256 thumbprint of Public, or for
	// HS256 a value derived from the secret inside Vault.
	KID string
	// Public is *ecdsa.PublicKey, *rsa.PublicKey or ed25519.PublicKey; nil for HS256.
	Public crypto.PublicKey
}

// Request is one signature to make, or one HS256 tag to check.
type Request struct {
	Key Key
	// Input is the JWS signing input, ASCII(header) "." ASCII(payload)
	// (RFC 7515 section 5.1). The backend hashes it as Key.Algorithm demands.
	Input []byte
	// Reference is the jti; Vault echoes and logs it per item.
	Reference string
	// Client is the client who asks: clients take turns, and none may
	// fill more than a quarter of the queue. Empty for Signet's own canaries, which
	// come first.
	Client string
	// Claims are those in Input; nil for a canary, which is no token.
	Claims *Claims
	// Origin is where the wish for it came from.
	Origin Origin
}

// Backend signs inside the key holder and never sees claims as such.
type Backend interface {
	// Sign returns the JWS signature bytes (raw, not base64: for EC the
	// fixed-length R||S of RFC 7518 section 3.4). It returns ErrVersionRefused,
	// ErrUnavailable or ErrOverloaded wrapped with what happened.
	Sign(ctx context.Context, req Request) ([]byte, error)
	// VerifyMAC asks the key holder whether mac is what Sign(req) gives, an HS256
	// tag. ErrUnavailable when it cannot be asked, ErrOverloaded when too many ask,
	// or too many of req.Client.
	VerifyMAC(ctx context.Context, req Request, mac []byte) (bool, error)
}

// Keys says which key versions exist now, from memory: only Refresh and
// RefreshTo touch the network.
type Keys interface {
	// SigningKey is the version that signs now. ErrUnknownRing, or
	// ErrUnavailable when the snapshot is missing or too old to sign by, or, with
	// ErrNoVersion, has none.
	SigningKey(ring string) (Key, error)
	// VerificationKey is the version with that kid, if it is neither retired
	// nor revoked.
	VerificationKey(kid string) (Key, bool)
	// Refresh reads the ring again now (single flight, rate-limited), after
	// ErrVersionRefused or ErrNoVersion.
	Refresh(ctx context.Context, ring string) error
	// RefreshTo reads again every ring that was last read before at (single
	// flight, rate-limited), after an unknown kid. An error means that the kid
	// may exist all the same.
	RefreshTo(ctx context.Context, at time.Time) error
}
