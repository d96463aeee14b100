package refresh

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// The token: "sgr_" and base64url of
// version(1) mac key version(2) family(16) generation(4) mac(32), big-endian.
const (
	tokenPrefix  = "sgr_" // public, for secret scanners to find
	tokenVersion = 1
	signedLen    = 1 + 2 + 16 + 4
	rawLen       = signedLen + sha256.Size
	// TokenLength is the length of every refresh token, in characters.
	TokenLength = 78

	maxMACVersion = math.MaxUint16
	firstToken    = 1 // the generation of a session's first token
)

// IsToken reports whether a text claims to be a refresh token: enough to tell
// it from an access token, no proof of anything.
func IsToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// Family is the 128 random bytes' name of a session, which only its tokens
// hold. It alone makes no token.
type Family [16]byte

// NewFamily draws a new family. Its SID is known before the session is
// stored, because the first access token is signed first.
func NewFamily(rand io.Reader) (Family, error) {
	var f Family
	if _, err := io.ReadFull(rand, f[:]); err != nil {
		return Family{}, fmt.Errorf("drawing a family: %w", err)
	}
	return f, nil
}

// SID is what the session is called in public: the `sid` claim, the sessions
// API. It does not lead back to the family.
func (f Family) SID() string {
	sum := sha256.Sum256(f[:])
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// IsSID reports whether a text can be the sid of a session. What can not be one
// never reaches Redis.
func IsSID(text string) bool {
	if len(text) != 22 {
		return false
	}
	for _, c := range []byte(text) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// String keeps the family itself out of logs.
func (f Family) String() string { return "session " + f.SID() }

// presented is a token taken apart; until its MAC is checked, anybody's claim.
type presented struct {
	macVersion int
	family     Family
	generation uint32
	signed     [signedLen]byte
	mac        [sha256.Size]byte
}

// parse takes a token apart. Exactly one text is a given token: base64
// decoders forgive spare bits and newlines, so the re-encoding is compared.
func parse(token string) (presented, bool) {
	var p presented
	if len(token) != TokenLength || token[:len(tokenPrefix)] != tokenPrefix {
		return p, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(token[len(tokenPrefix):])
	if err != nil || len(raw) != rawLen || raw[0] != tokenVersion || encode(raw) != token {
		return p, false
	}
	p.macVersion = int(binary.BigEndian.Uint16(raw[1:3]))
	copy(p.family[:], raw[3:19])
	p.generation = binary.BigEndian.Uint32(raw[19:23])
	copy(p.signed[:], raw)
	copy(p.mac[:], raw[signedLen:])
	return p, true
}

// authentic reports whether key made the token, in constant time.
func (p *presented) authentic(key []byte) bool {
	return hmac.Equal(p.mac[:], mac(key, p.signed[:]))
}

// mint makes the token of a generation: the same one whenever it is asked.
func mint(key []byte, macVersion int, f Family, generation uint32) string {
	raw := make([]byte, 0, rawLen)
	raw = append(raw, tokenVersion)
	raw = binary.BigEndian.AppendUint16(raw, uint16(macVersion)) //nolint:gosec // G115: derive bounds it to 16 bits
	raw = append(raw, f[:]...)
	raw = binary.BigEndian.AppendUint32(raw, generation)
	return encode(append(raw, mac(key, raw)...))
}

func encode(raw []byte) string {
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

func mac(key, message []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	return h.Sum(nil)
}
