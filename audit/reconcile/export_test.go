package reconcile

// Desks is how many parts are joined at once.
var Desks = desks

// IDOf is the id of a key and a value, by the polynomials at x and y.
func IDOf(x, y uint64, key string, value []byte) [16]byte {
	h := ids{x: newPoint(x - 2), y: newPoint(y - 2)}
	return h.of(h.under(key), value)
}

// NewIDOf is IDOf at points that are drawn anew.
func NewIDOf() func(key string, value []byte) [16]byte {
	h := newIDs()
	return func(key string, value []byte) [16]byte { return h.of(h.under(key), value) }
}
