package feed

import (
	"bytes"
	"unicode/utf8"

	"signet/audit"
	"signet/audit/records"
)

// declared finds what a token is counted by in its declaration. It reports false
// for a line that is not as a journal writes it, or has escapes or braces: those
// are for [encoding/json]. A name between a comma and a colon, in quotes, stands nowhere
// but where a member begins, for a quote within a text is escaped.
func declared(r *records.Record, out *audit.Record) bool {
	if bytes.IndexByte(r.Line, '\\') >= 0 || bytes.LastIndexByte(r.Line, '{') > 0 || !utf8.Valid(r.Line) {
		return false
	}
	before, grant, ok := bytes.Cut(r.Line, []byte(`,"grant":"`))
	if !ok || bytes.Contains(before, []byte(`,"aud":`)) {
		return false
	}
	grant, rest, ok := bytes.Cut(grant, []byte{'"'})
	if !ok {
		return false
	}
	_, audience, ok := bytes.Cut(rest, []byte(`,"aud":["`))
	if !ok {
		return false
	}
	for more := true; more; {
		var one []byte
		if one, audience, ok = bytes.Cut(audience, []byte{'"'}); !ok {
			return false
		}
		out.Audience = append(out.Audience, string(one))
		audience, more = bytes.CutPrefix(audience, []byte(`,"`))
	}
	out.Grant, out.ClientID, out.Ring, out.KeyVersion = string(grant), string(r.ClientID), string(r.Ring), r.KeyVersion
	once := !bytes.Contains(audience, []byte(`,"aud":`)) && !bytes.Contains(rest, []byte(`,"grant":`))
	return once && bytes.HasPrefix(audience, []byte{']'})
}
