package refresh

import (
	"crypto/hmac"
	"fmt"
	"regexp"
	"strconv"
)

// A record is one Redis string: a head of fixed width that the script reads
// and rewrites, the seal, and the sealed body, which never changes. A string
// and not a hash: one SET is never half done, and the size stays the same.
//
//	1 a GENERATION MACVR ATTEMPT(22) ROTATED-AT IDLE-END ABSOLUTE-END GC SEALV SEAL(32) BODY
//
// Numbers are decimal and padded with zeros, times are milliseconds. The
// status is a(ctive) or r(evoked). G is 1 if this generation needed the grace,
// C counts the generations in a row that did. A tombstone is a head alone.
const (
	keySession = "signet:s:"

	headLen = 95
	sealLen = 32

	maxMillis = 9_999_999_999_999 // thirteen digits: the year 2286
	noAttempt = "----------------------"
)

var headPattern = regexp.MustCompile(
	`^1 ([ar]) (\d{10}) (\d{5}) ([A-Za-z0-9_-]{22}) (\d{13}) (\d{13}) (\d{13}) ([01])([0-9]) (\d{5}) $`)

type record struct {
	revoked     bool
	generation  uint32
	macVersion  int
	attempt     string
	rotatedAt   int64
	idleEnd     int64
	absoluteEnd int64
	graced      bool
	graces      int
	sealVersion int
	seal        []byte
	body        []byte
}

func (r *record) encode() string {
	status, graced := "a", 0
	if r.revoked {
		status = "r"
	}
	if r.graced {
		graced = 1
	}
	return fmt.Sprintf("1 %s %010d %05d %s %013d %013d %013d %d%d %05d %s%s", status, r.generation, r.macVersion, r.attempt,
		r.rotatedAt, r.idleEnd, r.absoluteEnd, graced, r.graces, r.sealVersion, r.seal, r.body)
}

// tombstone is what a revoked session leaves: no personal data, and nothing
// that a session could be stored over.
func tombstone() string {
	return (&record{revoked: true, attempt: noAttempt}).encode()
}

// parseRecord reads what Redis holds, which anybody may have put there.
func parseRecord(text string) (*record, bool) {
	if len(text) < headLen {
		return nil, false
	}
	m := headPattern.FindStringSubmatch(text[:headLen])
	if m == nil {
		return nil, false
	}
	r := &record{revoked: m[1] == "r", attempt: m[4], graced: m[8] == "1"}
	if r.revoked {
		return r, true
	}
	if len(text) <= headLen+sealLen {
		return nil, false
	}
	generation, err := strconv.ParseUint(m[2], 10, 32)
	if err != nil {
		return nil, false
	}
	r.generation = uint32(generation)
	r.macVersion, r.sealVersion, r.graces = int(number(m[3])), int(number(m[10])), int(number(m[9]))
	r.rotatedAt, r.idleEnd, r.absoluteEnd = number(m[5]), number(m[6]), number(m[7])
	r.seal, r.body = []byte(text[headLen:headLen+sealLen]), []byte(text[headLen+sealLen:])
	if r.idleEnd > r.absoluteEnd {
		return nil, false
	}
	return r, true
}

// number reads digits that a pattern has counted: they always fit.
func number(digits string) int64 {
	var n int64
	for _, d := range []byte(digits) {
		n = n*10 + int64(d-'0')
	}
	return n
}

// live reports whether the session goes on at now. At its very end it does not.
func (r *record) live(now int64) bool {
	return !r.revoked && now < r.idleEnd && now < r.absoluteEnd
}

// sealOf covers everything that says who the session is and when it ends at
// the latest. The sid binds it to its key: a record moved to another session's
// key is worthless. Every part before the body has a fixed width.
func sealOf(key []byte, sid string, absoluteEnd int64, body []byte) []byte {
	message := fmt.Appendf(nil, "1 %s %013d ", sid, absoluteEnd)
	return mac(key, append(message, body...))
}

func (r *record) sealed(key []byte, sid string) bool {
	return hmac.Equal(r.seal, sealOf(key, sid, r.absoluteEnd, r.body))
}
