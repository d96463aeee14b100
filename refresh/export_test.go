package refresh

// Pipelined is how a store uses Redis as many callers do at once.
type Pipelined = pipelined

// Between puts something between a store and its shared round trips, before its
// first use: there a call still has its caller's context.
func (s *Store) Between(wrap func(Pipelined) Pipelined) { s.pipelined = wrap(s.pipelined) }

// Reparse takes a token apart and puts it together again.
func Reparse(token string) (string, bool) {
	p, ok := parse(token)
	if !ok {
		return "", false
	}
	return encode(append(p.signed[:], p.mac[:]...)), true
}

// Rerecord does the same with a record; tombstones are kept short.
func Rerecord(text string) (again string, revoked, ok bool) {
	r, ok := parseRecord(text)
	if !ok {
		return "", false, false
	}
	return r.encode(), r.revoked, true
}
