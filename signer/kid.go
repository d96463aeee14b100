package signer

import (
	"crypto/sha256"
	"encoding/base64"
)

// kidLength is the length of a kid: a SHA-256 in base64url without padding.
const kidLength = 43

// IsKID reports whether a text from outside can be a kid of ours. Its length is
// looked at too: the decoder skips line breaks, and a kid with one in it would
// equal none.
func IsKID(text string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(sum) == sha256.Size && len(text) == kidLength
}
