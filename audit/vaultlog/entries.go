package vaultlog

import (
	"encoding/json"
	"time"
)

// maker makes entries of fields. It belongs to one goroutine.
type maker struct {
	filter *filter
	fields fields
	seen   map[string]string // few texts fill a log
	lists  map[string][]string
}

// maxSeen texts are kept; then it forgets all and begins anew.
const maxSeen = 4096

func newMaker(f *filter) *maker {
	return &maker{filter: f, seen: map[string]string{}, lists: map[string][]string{}}
}

// str is a text as a string, and mostly one that it made before.
func (m *maker) str(b []byte) string {
	if s, ok := m.seen[string(b)]; ok {
		return s
	}
	if len(m.seen) >= maxSeen {
		clear(m.seen)
	}
	s := string(b)
	m.seen[s] = s
	return s
}

// list is a JSON array of strings, nil if raw is none.
func (m *maker) list(raw json.RawMessage) []string {
	if len(raw) == 0 {
		return nil
	}
	if l, ok := m.lists[string(raw)]; ok {
		return l
	}
	if len(m.lists) >= maxSeen {
		clear(m.lists)
	}
	var l []string
	if json.Unmarshal(raw, &l) != nil {
		l = nil
	}
	m.lists[string(raw)] = l
	return l
}

// entry makes an entry of m.fields; its items are put behind the others in
// arena. below is the path under the mount, nil if it is elsewhere.
func (m *maker) entry(e *Entry, below []byte, arena []Item) []Item {
	f := &m.fields
	*e = Entry{
		Time: timeOf(f.time), ID: string(f.id),
		Operation: m.str(f.operation), Path: m.str(f.path), Namespace: m.str(f.namespace),
		MountPoint: m.str(f.mountPoint), MountType: m.str(f.mountType),
		Auth: Auth{
			Accessor: m.str(f.accessor), EntityID: m.str(f.entityID), DisplayName: m.str(f.displayName),
			TokenType: m.str(f.tokenType), Policies: m.list(f.policies),
		},
		RemoteAddr: m.str(f.remoteAddr), RemotePort: intOf(f.remotePort),
		RequestData: notNull(f.request.data), ResponseData: notNull(f.response.data),
		KeyVersion: f.request.keyVersion, Answered: string(f.kind) == kindResponse,
	}
	e.Error = string(f.err)
	if e.Error == "" && !f.response.batch && f.response.single.signature == nil && f.response.single.mac == nil {
		// Vault answers a request that it cannot decode so, and tells no error beside it.
		e.Error = string(f.response.single.err)
	}
	if below == nil {
		return arena
	}
	e.Verb, e.Key, e.Rest = split(m.str(below))
	if e.Verb != "sign" && e.Verb != "hmac" {
		return arena
	}
	from := len(arena)
	// An answer without an error and without a result was given all the same:
	// whoever has it wrapped gets the signature from the cubbyhole.
	arena = f.items(e.Verb == "hmac", e.Answered && e.Error == "", arena)
	e.Items = arena[from:len(arena):len(arena)]
	return arena
}

// items joins inputs and results by their places, as Vault does. Where their
// numbers differ the longer list counts, so that nothing is hidden. done says
// that the request succeeded: what then has no result counts as signed.
func (f *fields) items(mac, done bool, arena []Item) []Item {
	req, resp := &f.request, &f.response
	if !req.batch && !resp.batch {
		one := Item{Input: req.input, Reference: req.reference, Signed: done}
		if !resp.single.absent() {
			one.result(&resp.single, mac)
		}
		return append(arena, one)
	}
	for i := range max(len(req.inputs), len(resp.results)) {
		one := Item{Signed: done}
		if i < len(req.inputs) {
			one.Input, one.Reference = req.inputs[i].input, req.inputs[i].reference
		}
		if i < len(resp.results) {
			one.result(&resp.results[i], mac)
		}
		arena = append(arena, one)
	}
	return arena
}

// absent says that the log has no result.
func (o *output) absent() bool {
	return o.signature == nil && o.mac == nil && o.keyVersion == nil && o.err == nil
}

// result says what became of an item. A signature that failed has version 0; of
// an hmac only its error tells, and that not when it is hashed: see [empties].
func (it *Item) result(o *output, mac bool) {
	it.Error, it.mac = o.err, o.mac
	switch {
	case mac:
		it.Signed = len(o.mac) > 0 && (len(o.err) == 0 || Hashed(o.err))
	default:
		it.KeyVersion = intOf(o.keyVersion)
		it.Signed = it.KeyVersion > 0 || len(o.signature) > 0 && !Hashed(o.signature)
	}
}

func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// timeOf is the zero time for a text that is none.
func timeOf(text []byte) time.Time {
	t, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return time.Time{}
	}
	return t
}
