package refresh

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
