package records

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"signet/audit"
	"signet/internal/jsonappend"
)

// What makes a line no record.
var (
	errNoRecord = errors.New("it is no issuance record")
	errVersion  = errors.New("it is a record of another version, which this Signet cannot read")
)

// parse reads a line into r. What [audit.Record.Append] writes is read by hand,
// because an auditor's files are large; whatever looks otherwise goes to
// encoding/json, with the same result.
func (r *Record) parse(line []byte, memory *memory) error {
	r.reset(line)
	if !r.fast(line, memory) {
		r.reset(line)
		if err := r.slow(line); err != nil {
			return err
		}
	}
	return r.check()
}

func (r *Record) reset(line []byte) {
	place := r.Place
	*r = Record{Line: line, Place: place}
}

// check is what every record has.
func (r *Record) check() error {
	switch {
	case r.version != audit.Version && r.version != 0:
		return errVersion
	case r.version == 0, r.Seq == 0, r.Time.IsZero(), r.Event == "", len(r.Replica) == 0:
		return errNoRecord
	case len(r.Prev) > 0 && !isHash(r.Prev, &r.prev):
		return fmt.Errorf("%w: its prev is no hash", errNoRecord)
	}
	return nil
}

// isHash reads an [audit.Hash] as text, and says whether b is one: there is one
// text of each.
func isHash(b []byte, to *audit.Hash) bool {
	if len(b) != 43 {
		return false
	}
	bad, at := byte(0), 0
	for i := 0; i < 40; i, at = i+4, at+3 {
		d := (*[4]byte)(b[i:])
		w, x, y, z := digits[d[0]], digits[d[1]], digits[d[2]], digits[d[3]]
		bad |= w | x | y | z
		to[at], to[at+1], to[at+2] = w<<2|x>>4, x<<4|y>>2, y<<6|z
	}
	w, x, y := digits[b[40]], digits[b[41]], digits[b[42]]
	to[30], to[31] = w<<2|x>>4, x<<4|y>>2
	return (bad|w|x|y)&noDigit == 0 && y&3 == 0
}

const noDigit = 0x80

// digits are those of base64url.
var digits = func() (all [256]byte) {
	for i := range all {
		all[i] = noDigit
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		all[c] = byte(i)
	}
	return all
}()

// slow is the judge of what a record is.
func (r *Record) slow(line []byte) error {
	var full audit.Record
	if err := json.Unmarshal(line, &full); err != nil {
		// A later version may have members of other types.
		var v struct {
			V int `json:"v"`
		}
		if json.Unmarshal(line, &v) == nil && v.V > audit.Version {
			return errVersion
		}
		return errNoRecord
	}
	r.version, r.Seq, r.Time, r.Batch = full.V, full.Seq, full.Time, full.Batch
	r.KeyVersion, r.Items, r.Torn = full.KeyVersion, full.Items, full.Torn
	r.Replica, r.JTI, r.ClientID, r.Ring = []byte(full.Replica), []byte(full.JTI), []byte(full.ClientID), []byte(full.Ring)
	r.Input, r.RequestID, r.Prev = []byte(full.Input), []byte(full.RequestID), []byte(full.Prev)
	r.Event, r.Outcome = full.Event, full.Outcome
	if len(full.Outcomes) > 0 {
		all := make([]string, 0, len(full.Outcomes))
		for _, o := range full.Outcomes {
			if o != audit.OutcomeIssued && o != audit.OutcomeDiscarded {
				o = audit.OutcomeUnknown
			}
			all = append(all, string(o))
		}
		r.outcomes = jsonappend.Strings(nil, all)
	}
	return nil
}

// fast reads a line as [audit.Record.Append] writes it: its members in their
// order, without blanks and escapes; false for any other line.
func (r *Record) fast(line []byte, memory *memory) bool {
	s := scanner{b: line, memory: memory}
	ok := r.head(&s) && r.token(&s)
	if ok && !s.member(prevName) {
		ok = r.rest(&s) && s.member(prevName)
	}
	return ok && (s.null() || s.into(&r.Prev)) && s.skip('}') && s.at == len(line) && s.plain()
}

const prevName = `,"prev":`

// head reads what every record begins with.
func (r *Record) head(s *scanner) bool {
	return s.member(`{"v":`) && s.small(&r.version) &&
		s.member(`,"seq":`) && s.number(&r.Seq) &&
		s.member(`,"time":`) && s.time(&r.Time) && r.origin(s)
}

// token reads what declarations have. A member that is not there is passed over.
func (r *Record) token(s *scanner) bool {
	return (!s.member(`,"batch":`) || s.number(&r.Batch)) && (!s.member(`,"jti":`) || s.into(&r.JTI)) && r.grant(s) &&
		s.lifetime() && r.key(s) && (!s.member(`,"input":`) || s.into(&r.Input)) &&
		(!s.member(`,"remote":`) || s.pass()) && (!s.member(`,"trace_id":`) || s.pass())
}

// rest reads what the other events have.
func (r *Record) rest(s *scanner) bool {
	return (!s.member(`,"request_id":`) || s.into(&r.RequestID)) && (!s.member(`,"items":`) || s.small(&r.Items)) &&
		(!s.member(`,"outcome":`) || into(s, &r.Outcome)) && (!s.member(`,"outcomes":`) || s.known(&r.outcomes)) &&
		(!s.member(`,"kind":`) || s.pass()) && (!s.member(`,"endpoint":`) || s.pass()) && (!s.member(`,"code":`) || s.pass()) &&
		(!s.member(`,"reason":`) || s.pass()) && (!s.member(`,"owner":`) || s.pass()) && (!s.member(`,"presented":`) || s.passSmall()) &&
		(!s.member(`,"count":`) || s.passSmall()) && (!s.member(`,"digest":`) || s.pass()) && (!s.member(`,"build":`) || s.pass()) &&
		(!s.member(`,"torn":`) || s.small(&r.Torn))
}

// plain says that no byte between the two places needs a closer look inside a
// string: no backslash, no control character, and UTF-8. It looks at 32 bytes at
// a time, the last of which may reach before from.
func plain(line []byte, from, to int) bool {
	if to < 32 {
		return false // no record is so short
	}
	seen, at := uint64(0), from
	for ; at+32 <= to; at += 32 {
		seen |= odds((*[32]byte)(line[at:]))
	}
	if at < to {
		seen |= odds((*[32]byte)(line[to-32:]))
	}
	if seen == 0 {
		return true
	}
	for _, c := range line[from:to] {
		if c < ' ' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(line[from:to])
}

// odds is not 0 if one of the bytes is odd.
func odds(b *[32]byte) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	w, x := binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:16])
	y, z := binary.LittleEndian.Uint64(b[16:24]), binary.LittleEndian.Uint64(b[24:])
	// Beside an odd byte another may seem odd.
	return (w | x | y | z | (w - ones*' ') | (x - ones*' ') | (y - ones*' ') | (z - ones*' ') |
		(w ^ ones*'\\' - ones) | (x ^ ones*'\\' - ones) | (y ^ ones*'\\' - ones) | (z ^ ones*'\\' - ones)) & highs
}

// scanner goes through a line, which must turn out to be plain.
type scanner struct {
	b      []byte
	at     int
	memory *memory
	unseen int  // from where on it is not known whether the line is plain
	odd    bool // it is not
}

// plain says whether all of the line is; what the line before had too, is.
func (s *scanner) plain() bool { return !s.odd && plain(s.b, s.unseen, len(s.b)) }

func (s *scanner) skip(c byte) bool {
	if s.at < len(s.b) && s.b[s.at] == c {
		s.at++
		return true
	}
	return false
}

// member goes to the value of a member, if it is the next one.
func (s *scanner) member(prefix string) bool {
	if len(s.b)-s.at < len(prefix) || string(s.b[s.at:s.at+len(prefix)]) != prefix {
		return false
	}
	s.at += len(prefix)
	return true
}

// text reads a string.
func (s *scanner) text() ([]byte, bool) {
	if !s.skip('"') {
		return nil, false
	}
	n := bytes.IndexByte(s.b[s.at:], '"')
	if n < 0 {
		return nil, false
	}
	text := s.b[s.at : s.at+n : s.at+n]
	s.at += n + 1
	return text, true
}

// pass, passSmall and passNumber go over what [Record] does not have.
func (s *scanner) pass() bool {
	_, ok := s.text()
	return ok
}

func (s *scanner) passSmall() bool {
	var n int
	return s.small(&n)
}

func (s *scanner) passNumber() bool {
	var n uint64
	return s.number(&n)
}

func (s *scanner) into(to *[]byte) bool {
	text, ok := s.text()
	*to = text
	return ok
}

func into[T ~string](s *scanner, to *T) bool {
	text, ok := s.text()
	*to = T(intern(text))
	return ok
}

func (s *scanner) null() bool {
	if !bytes.HasPrefix(s.b[s.at:], []byte("null")) {
		return false
	}
	s.at += len("null")
	return true
}

// number reads up to 18 digits, which fit any integer of 64 bits.
func (s *scanner) number(to *uint64) bool {
	from, n := s.at, uint64(0)
	for s.at < len(s.b) && s.b[s.at]-'0' <= 9 {
		n = n*10 + uint64(s.b[s.at]-'0')
		s.at++
	}
	digits := s.at - from
	*to = n
	return digits == 1 || digits > 1 && digits <= 18 && s.b[from] != '0'
}

// small reads up to 9 digits, which fit any integer of 32 bits.
func (s *scanner) small(to *int) bool {
	from, n := s.at, uint64(0)
	ok := s.number(&n) && s.at-from <= 9
	*to = int(n)
	return ok
}

// strings reads an array of strings that pass keep; nil = all do.
func (s *scanner) strings(keep func([]byte) bool) bool {
	if !s.skip('[') {
		return false
	}
	for {
		text, ok := s.text()
		if !ok || keep != nil && !keep(text) {
			return false
		}
		if s.skip(',') {
			continue
		}
		return s.skip(']')
	}
}

// known reads an array of the outcomes that there are.
func (s *scanner) known(to *[]byte) bool {
	from := s.at
	ok := s.strings(func(text []byte) bool {
		switch audit.Outcome(text) {
		case audit.OutcomeIssued, audit.OutcomeDiscarded, audit.OutcomeUnknown:
			return true
		}
		return false
	})
	*to = s.b[from:s.at:s.at]
	return ok
}

// parseTime reads the one form of time that records have.
func parseTime(b []byte, to *time.Time) bool {
	if len(b) != timeLen ||
		b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[26] != 'Z' {
		return false
	}
	ok := true
	n := func(from, to int) (n int) {
		for _, c := range b[from:to] {
			ok = ok && c-'0' <= 9
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := n(0, 4), n(5, 7), n(8, 10)
	hour, minute, second, micro := n(11, 13), n(14, 16), n(17, 19), n(20, 26)
	// A day that not every month has is left to encoding/json.
	if !ok || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 ||
		day > 28 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return false
	}
	*to = time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC)
	return true
}
