package vaultlog

// alike is an item of a batch's results that is one of signature and reference,
// both hashed. The others of a batch have the same bytes but for these two hashes,
// and so they are read: what is the same says the same, and hex digits in place of
// hex digits end no string.
type alike struct {
	item []byte // the item's JSON; nil if nothing is known
	from int    // where its signature's text begins
	out  output
}

// The end of such an item.
const (
	lastMember = `"reference":"` + hashPrefix
	itemEnd    = `"}`
	itemTail   = len(lastMember) + 64 + len(itemEnd)
)

// learn keeps an item that was read, if it is of this form.
func (a *alike) learn(item []byte, from int, out output) {
	a.item = nil
	tail := len(item) - itemTail
	if from <= 0 || tail < from+hashLen || len(out.signature) != hashLen || string(item[tail:tail+len(lastMember)]) != lastMember || !endsInHash(item) {
		return
	}
	if text := item[from : from+hashLen]; string(text) == string(out.signature) && Hashed(text) {
		a.item, a.from, a.out = item, from, out
	}
}

// read reads the item that b begins with, and gives its length; 0 if it is another.
func (a *alike) read(b []byte) (out output, n int) {
	n = len(a.item)
	if n == 0 || len(b) < n {
		return out, 0
	}
	b = b[:n]
	hash, tail := a.from+len(hashPrefix), n-64-len(itemEnd)
	if string(b[:hash]) != string(a.item[:hash]) || string(b[hash+64:tail]) != string(a.item[hash+64:tail]) ||
		!isHex((*[64]byte)(b[hash:])) || !endsInHash(b) {
		return out, 0
	}
	out = a.out
	out.signature = b[a.from : a.from+hashLen : a.from+hashLen]
	return out, n
}

func endsInHash(item []byte) bool {
	digits := len(item) - 64 - len(itemEnd)
	return isHex((*[64]byte)(item[digits:])) && string(item[digits+64:]) == itemEnd
}
