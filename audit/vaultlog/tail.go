package vaultlog

import "bytes"

const (
	kindRequest  = "request"
	kindResponse = "response"
)

// The end of a line as Vault writes it.
var (
	requestEnd  = []byte(`,"type":"request"}`)
	responseEnd = []byte(`,"type":"response"}`)
	timeBegin   = []byte(`,"time":"`)
	idBegin     = []byte(`,"id":"`)
)

const (
	tailLen = 8 << 10 // of a request's line: all that follows its headers
	timeLen = 128
)

// tail reads a request's line from its end, where Vault puts all that tells
// which request this is: so what was asked, most of the line, is not looked at.
// A name at the very end is a member of the line, for the brace after it closes
// the line; and the members before the brace in front of "time" are those of
// the request. In a text no quote stands without a backslash, so what looks
// like a member is one. If the line is not of that form, tail says so.
func (f *fields) tail(line []byte) bool {
	f.reset()
	if !bytes.HasSuffix(line, requestEnd) || !bytes.HasPrefix(line, []byte(`{"`)) {
		return false
	}
	t, end := lineTime(line)
	if end < 1 || line[end-1] != '}' {
		return false
	}
	from := max(0, end-tailLen)
	at := bytes.LastIndex(line[from:end], idBegin)
	if at < 0 {
		return false
	}
	c := cursor{b: line[:end], i: from + at}
	f.requestMembers(&c)
	f.kind, f.time, f.hasRequest = []byte(kindRequest), t, true
	return !c.bad && c.i == end && f.path != nil && f.operation != nil
}

// lineTime is the time at the end of a line and where its member begins; -1 if
// it is not where Vault writes it.
func lineTime(line []byte) (t []byte, at int) {
	from := max(0, len(line)-timeLen)
	at = bytes.LastIndex(line[from:], timeBegin)
	if at < 0 {
		return nil, -1
	}
	at += from
	begin := at + len(timeBegin)
	end, plain := scanString(line, begin)
	if !plain || !bytes.Equal(line[end+1:], requestEnd) && !bytes.Equal(line[end+1:], responseEnd) {
		return nil, -1
	}
	return line[begin:end:end], at
}
