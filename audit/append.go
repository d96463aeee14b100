package audit

import (
	"strconv"

	"signet/internal/jsonappend"
)

// timeFormat is RFC 3339 in UTC, of one length, so that text sorts like time.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// Append writes r as a line, without its newline, which [encoding/json] reads
// back as it was; but a time is cut to microseconds, and what is no UTF-8 becomes
// U+FFFD. It is written by hand because every token pays for it.
func (r *Record) Append(b []byte) []byte {
	b = append(b, `{"v":`...)
	b = strconv.AppendInt(b, int64(r.V), 10)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, r.Seq, 10)
	b = append(b, `,"time":"`...)
	b = r.Time.UTC().AppendFormat(b, timeFormat)
	b = append(b, `","replica":`...)
	b = jsonappend.String(b, r.Replica)
	b = text(b, "event", string(r.Event))
	b = r.appendToken(b)
	b = r.appendOthers(b)
	if r.Prev == "" {
		return append(b, `,"prev":null}`...)
	}
	b = append(b, `,"prev":`...)
	b = jsonappend.String(b, r.Prev)
	return append(b, '}')
}

// appendToken writes what declarations have.
func (r *Record) appendToken(b []byte) []byte {
	b = number(b, "batch", r.Batch)
	b = text(b, "jti", r.JTI)
	b = text(b, "grant", r.Grant)
	b = text(b, "sid", r.SID)
	b = number(b, "generation", r.Generation)
	b = text(b, "client_id", r.ClientID)
	b = text(b, "auth", r.Auth)
	b = text(b, "sub", r.Subject)
	if len(r.Audience) > 0 {
		b = append(b, `,"aud":`...)
		b = jsonappend.Strings(b, r.Audience)
	}
	b = text(b, "scope", r.Scope)
	b = number(b, "iat", r.IssuedAt)
	b = number(b, "exp", r.Expiry)
	b = text(b, "ring", r.Ring)
	b = text(b, "kid", r.KID)
	b = number(b, "key_version", r.KeyVersion)
	b = text(b, "input", r.Input)
	b = text(b, "remote", r.Remote)
	return text(b, "trace_id", r.TraceID)
}

// appendOthers writes what all other events have.
func (r *Record) appendOthers(b []byte) []byte {
	b = text(b, "request_id", r.RequestID)
	b = number(b, "items", r.Items)
	b = text(b, "outcome", string(r.Outcome))
	if len(r.Outcomes) > 0 {
		all := make([]string, len(r.Outcomes))
		for i, o := range r.Outcomes {
			all[i] = string(o)
		}
		b = append(b, `,"outcomes":`...)
		b = jsonappend.Strings(b, all)
	}
	b = text(b, "kind", r.Kind)
	b = text(b, "endpoint", r.Endpoint)
	b = text(b, "code", r.Code)
	b = text(b, "reason", r.Reason)
	b = text(b, "owner", r.Owner)
	b = number(b, "presented", r.Presented)
	b = number(b, "count", r.Count)
	b = text(b, "digest", r.Digest)
	b = text(b, "build", r.Build)
	return number(b, "torn", r.Torn)
}

// text writes a member, unless it is empty.
func text(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return jsonappend.String(b, value)
}

// number writes a member, unless it is 0.
func number[N int | int64 | uint32 | uint64](b []byte, name string, n N) []byte {
	if n == 0 {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":`...)
	return strconv.AppendInt(b, int64(n), 10) // none of them comes near the sign
}
