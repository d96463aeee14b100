package records

import (
	"bytes"
	"time"

	"signet/audit"
)

// memory is what the line before had. Lines that follow each other have most
// members in common, and the same bytes say the same: they need not be read again.
type memory struct {
	text [timeLen]byte // zero, which no line holds, at first
	time time.Time

	origin   run // replica and event
	grant    run // from the grant to the scope: what a client asks for again and again
	lifetime run // iat and exp
	key      run // ring, kid and key version
}

// run is a stretch of members, and what [Record] has of it.
type run struct {
	bytes    []byte // with the name of the member after it, so that the last value ends there
	next     int    // length of that name
	from, to int    // of the text in it
	event    audit.Event
	version  int
}

// keep remembers the members from a place to the cursor if they are plain and
// next comes after them. end is where the text, of a length, ends.
func (m *run) keep(s *scanner, from, length, end int, next string) {
	if m.bytes = m.bytes[:0]; bytes.HasPrefix(s.b[s.at:], []byte(next)) && plain(s.b, from, s.at) {
		m.bytes, m.next = append(m.bytes, s.b[from:s.at+len(next)]...), len(next)
		m.from, m.to = end-length-from, end-from
	}
}

// again goes over the members that the line before had too.
func (s *scanner) again(m *run, text *[]byte) bool {
	if len(m.bytes) == 0 || !bytes.HasPrefix(s.b[s.at:], m.bytes) {
		return false
	}
	s.odd = s.odd || !plain(s.b, s.unseen, s.at)
	*text = s.b[s.at+m.from : s.at+m.to : s.at+m.to]
	s.at += len(m.bytes) - m.next
	s.unseen = s.at
	return true
}

// origin reads who wrote a record, and of what.
func (r *Record) origin(s *scanner) bool {
	m := &s.memory.origin
	if s.again(m, &r.Replica) {
		r.Event = m.event
		return true
	}
	from := s.at
	if !s.member(`,"replica":`) || !s.into(&r.Replica) {
		return false
	}
	end := s.at - 1
	if !s.member(`,"event":`) || !into(s, &r.Event) {
		return false
	}
	m.event = r.Event
	m.keep(s, from, len(r.Replica), end, `,"`)
	return true
}

// grant reads what was asked for.
func (r *Record) grant(s *scanner) bool {
	m := &s.memory.grant
	if s.again(m, &r.ClientID) {
		return true
	}
	from := s.at
	if (s.member(`,"grant":`) && !s.pass()) || (s.member(`,"sid":`) && !s.pass()) || (s.member(`,"generation":`) && !s.passSmall()) ||
		(s.member(`,"client_id":`) && !s.into(&r.ClientID)) {
		return false
	}
	end := s.at - 1
	if (s.member(`,"auth":`) && !s.pass()) || (s.member(`,"sub":`) && !s.pass()) ||
		(s.member(`,"aud":`) && !s.strings(nil)) || (s.member(`,"scope":`) && !s.pass()) {
		return false
	}
	m.keep(s, from, len(r.ClientID), end, `,"iat":`)
	return true
}

// lifetime goes over iat and exp, which [Record] does not have.
func (s *scanner) lifetime() bool {
	m, none := &s.memory.lifetime, []byte(nil)
	if s.again(m, &none) {
		return true
	}
	from := s.at
	if (s.member(`,"iat":`) && !s.passNumber()) || (s.member(`,"exp":`) && !s.passNumber()) {
		return false
	}
	m.keep(s, from, 0, from, `,"ring":`)
	return true
}

// key reads under what it was signed.
func (r *Record) key(s *scanner) bool {
	m := &s.memory.key
	if s.again(m, &r.Ring) {
		r.KeyVersion = m.version
		return true
	}
	from := s.at
	if s.member(`,"ring":`) && !s.into(&r.Ring) {
		return false
	}
	end := s.at - 1
	if (s.member(`,"kid":`) && !s.pass()) || (s.member(`,"key_version":`) && !s.small(&r.KeyVersion)) {
		return false
	}
	m.version = r.KeyVersion
	m.keep(s, from, len(r.Ring), end, `,"input":`)
	return true
}

// time reads a time.
func (s *scanner) time(to *time.Time) bool {
	const length = 1 + timeLen + 1 // with its quotes
	if len(s.b)-s.at < length || s.b[s.at] != '"' || s.b[s.at+length-1] != '"' {
		return false
	}
	text := [timeLen]byte(s.b[s.at+1:])
	if text != s.memory.text {
		if !parseTime(text[:], to) {
			return false
		}
		s.memory.text, s.memory.time = text, *to
	}
	*to = s.memory.time
	s.at += length
	return true
}

const timeLen = len("2006-01-02T15:04:05.000000Z")
