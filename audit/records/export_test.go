package records

// ParseBoth reads a line both ways: as Read does after another line, and with
// encoding/json alone. fast says whether the first needs no encoding/json.
func ParseBoth(before, line []byte) (got, want Record, fast bool, errGot, errWant error) {
	var known memory
	_ = (&Record{}).parse(before, &known)
	var probe Record
	probe.reset(line)
	fast = probe.fast(line, &known)
	errGot = got.parse(line, &known)
	want.reset(line)
	if errWant = want.slow(line); errWant == nil {
		errWant = want.check()
	}
	return got, want, fast, errGot, errWant
}
