//go:build !amd64

package sha256pair

import "crypto/sha256"

// Sum is the SHA-256 of a, and that of b.
func Sum(a, b []byte) (x, y [sha256.Size]byte) {
	return sha256.Sum256(a), sha256.Sum256(b)
}
