package refresh

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"
)

// A record is one Redis string: a head of fixed width that the script reads
// and rewrites, the seal, and the sealed body, which never changes. A string
// and not a hash: one SET is never half done, and the size stays the same.
//
//	"1" "a" generation(4) macv(2) attempt(16) rotated at(6) idle end(6) absolute end(6) graces(1) sealv(2) seal(32) body
//
// Numbers are big-endian and times milliseconds: in digits a record of an
// ordinary login would need the allocator's next size but one. The status is
// a(ctive) or r(evoked). graces counts the generations in a row that needed the
// grace, doubled, and one more if this one did. A tombstone is a head alone, of
// zeros but for its status and the first byte of attempt, see tombstone.
const (
	keySession = "signet:s:"

	headLen    = 45
	sealLen    = 32
	attemptLen = 16

	maxMillis = 9_999_999_999_999 // the year 2286; it fits into six bytes
)

type record struct {
	revoked     bool
	generation  uint32
	macVersion  int
	attempt     [attemptLen]byte
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
	status, graces := byte('a'), r.graces<<1
	if r.revoked {
		status = 'r'
	}
	if r.graced {
		graces |= 1
	}
	b := make([]byte, 0, headLen+len(r.seal)+len(r.body))
	b = append(b, '1', status)
	b = binary.BigEndian.AppendUint32(b, r.generation)
	b = append(b, bytesOf(int64(r.macVersion), versionLen)...)
	b = append(b, r.attempt[:]...)
	for _, at := range []int64{r.rotatedAt, r.idleEnd, r.absoluteEnd} {
		b = append(b, bytesOf(at, timeLen)...)
	}
	b = append(b, bytesOf(int64(graces), 1)...)
	b = append(b, bytesOf(int64(r.sealVersion), versionLen)...)
	return string(append(append(b, r.seal...), r.body...))
}

// tombstone is what a revoked session leaves: no personal data, and nothing
// that a session could be stored over. told says that it is for a reuse or a
// rollback which was reported: who finds the same need not report it again.
func tombstone(told bool) string {
	r := record{revoked: true}
	if told {
		r.attempt[0] = 1
	}
	return r.encode()
}

// parseRecord reads what Redis holds, which anybody may have put there.
func parseRecord(text string) (*record, bool) {
	if len(text) < headLen || text[0] != '1' || text[1] != 'a' && text[1] != 'r' {
		return nil, false
	}
	r := &record{revoked: text[1] == 'r'}
	if r.revoked {
		return r, true
	}
	if len(text) <= headLen+sealLen {
		return nil, false
	}
	rest := text[2:]
	cut := func(n int) (part string) {
		part, rest = rest[:n], rest[n:]
		return part
	}
	r.generation = uint32(number(cut(4))) //nolint:gosec // four bytes fit
	r.macVersion = int(number(cut(versionLen)))
	copy(r.attempt[:], cut(attemptLen))
	r.rotatedAt, r.idleEnd, r.absoluteEnd = number(cut(timeLen)), number(cut(timeLen)), number(cut(timeLen))
	graces := number(cut(1))
	r.graces, r.graced = int(graces>>1), graces&1 == 1
	r.sealVersion = int(number(cut(versionLen)))
	r.seal, r.body = []byte(cut(sealLen)), []byte(rest)
	if r.idleEnd > r.absoluteEnd || r.absoluteEnd > maxMillis || r.rotatedAt > maxMillis {
		return nil, false
	}
	return r, true
}

// Widths of the numbers in a record, in bytes.
const (
	versionLen = 2
	timeLen    = 6
)

// bytesOf writes a number that fits, from 0.
func bytesOf(n int64, width int) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)) //nolint:gosec // not negative
	return string(b[len(b)-width:])
}

// number reads at most six bytes: they always fit.
func number(text string) int64 {
	var n int64
	for _, b := range []byte(text) {
		n = n<<8 | int64(b)
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
