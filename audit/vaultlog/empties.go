package vaultlog

import "bytes"

// empties knows the hash of the empty text. Vault hashes also the error that an
// item does not have and the hmac that it did not get, so that hash tells a
// failed item; and sys/audit-hash refuses to hash it. So it is learned: a
// signature's result with a version has no error.
type empties struct{ hash []byte }

// judge corrects the items of a hashed hmac.
func (s *empties) judge(e *Entry) {
	switch e.Verb {
	case "sign":
		for i := range e.Items {
			if it := &e.Items[i]; it.KeyVersion > 0 && Hashed(it.Error) {
				s.learn(it.Error)
				return
			}
		}
	case "hmac":
		s.inside(e.Items)
		for i := range e.Items {
			if it := &e.Items[i]; len(s.hash) > 0 && bytes.Equal(it.mac, s.hash) {
				it.Signed = false
			}
		}
	}
}

func (s *empties) learn(hash []byte) {
	if !bytes.Equal(s.hash, hash) {
		s.hash = bytes.Clone(hash)
	}
}

// inside learns from a request of which some items failed and some did not: one
// item's hmac is another one's error only if both are empty.
func (s *empties) inside(items []Item) {
	for i := 1; i < len(items); i++ {
		for _, pair := range [2][2]*Item{{&items[0], &items[i]}, {&items[i], &items[0]}} {
			if Hashed(pair[0].mac) && bytes.Equal(pair[0].mac, pair[1].Error) {
				s.learn(pair[0].mac)
				return
			}
		}
	}
}
