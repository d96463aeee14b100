package failover_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// session is a chain of refresh tokens as its owner knows it.
type session struct {
	slot          int       // of its record, in a cluster
	began, stored time.Time // when its creation was asked for, and when it was answered
	// tokens from the first to the newest that was answered.
	tokens []string
	lost   bool // a replica said invalid_grant
}

func (s *session) newest() string { return s.tokens[len(s.tokens)-1] }

// newSession works out where the session's record is: only this test looks
// into a token.
func newSession(token string, began, stored time.Time) (*session, error) {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "sgr_"))
	if err != nil || len(raw) < 19 {
		return nil, fmt.Errorf("a refresh token of %d characters: %w", len(token), err)
	}
	sid := sha256.Sum256(raw[3:19])
	return &session{
		slot:  slotOf("signet:s:" + base64.RawURLEncoding.EncodeToString(sid[:16])),
		began: began, stored: stored, tokens: []string{token},
	}, nil
}

// slotOf is the Cluster's slot of a key without a hash tag (CRC16-XMODEM).
func slotOf(key string) int {
	crc := 0
	for _, b := range []byte(key) {
		crc ^= int(b) << 8
		for range 8 {
			crc <<= 1
			if crc&0x10000 != 0 {
				crc ^= 0x11021
			}
		}
	}
	return crc % 16384
}
