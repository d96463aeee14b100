package clients

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	secretPrefix = "sgc_"
	hashPrefix   = "sha256:"
	// maxSecrets are enough to overlap in a rotation, and every authentication
	// compares that many.
	maxSecrets = 8
)

// NewSecret makes a client secret of 256 random bits and the hash of it that
// goes into the file. A plain hash is enough: nobody guesses 256 bits.
func NewSecret() (secret, hash string, err error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", "", fmt.Errorf("making a client secret: %w", err)
	}
	secret = secretPrefix + base64.RawURLEncoding.EncodeToString(random)
	return secret, hashSecret(secret), nil
}

func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hashPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// parseHash reads sha256:BASE64URL, the one spelling of it only.
func parseHash(text string) (sum [sha256.Size]byte, ok bool) {
	encoded, ok := strings.CutPrefix(text, hashPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(len(sum)) {
		return sum, false
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(decoded) != len(sum) {
		return sum, false
	}
	return [sha256.Size]byte(decoded), true
}

// secrets are the hashes of a client's live secrets.
type secrets struct {
	sums [maxSecrets][sha256.Size]byte
	live int
}

func (s *secrets) add(sum [sha256.Size]byte) {
	s.sums[s.live] = sum
	s.live++
}

// match compares with every slot, used or not, so that its time tells neither
// how many secrets there are nor which one matched.
func (s *secrets) match(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	found := 0
	for i := range s.sums {
		used := subtle.ConstantTimeLessOrEq(i+1, s.live)
		found |= used & subtle.ConstantTimeCompare(s.sums[i][:], sum[:])
	}
	return found == 1
}

var spelledSecret = regexp.MustCompile(secretPrefix + `[A-Za-z0-9_-]+`)

// withoutSecrets blanks what looks like a secret: messages quote the file, they
// end in logs, and a secret may stand anywhere in the file by mistake.
func withoutSecrets(err error) error {
	all, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	for i := range all.Violations {
		v := &all.Violations[i]
		for _, text := range []*string{&v.Field, &v.Problem, &v.Remedy} {
			*text = spelledSecret.ReplaceAllString(*text, secretPrefix+"...")
		}
	}
	return all
}
