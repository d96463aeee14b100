package simulation

import (
	"encoding/json"

	"signet/vaultkeys"
)

// kids are a JWK set: a bit for each key ever made.
type kids [8]uint64

func (k *kids) add(i int)     { k[i/64] |= 1 << (i % 64) }
func (k kids) has(i int) bool { return k[i/64]>>(i%64)&1 == 1 }

// read parses a JWK set, once each.
func (w *world) read(set vaultkeys.KeySet) kids {
	if known, ok := w.sets[set.ETag]; ok {
		return known
	}
	var parsed struct {
		Keys []struct{ Kid, X string }
	}
	if err := json.Unmarshal(set.Body, &parsed); err != nil {
		panic(err)
	}
	var out kids
	for _, jwk := range parsed.Keys {
		k := w.keys[jwk.Kid]
		if k == nil {
			w.report.violation(w.now, oneKey, "a JWK set with the kid %s, which no key of Vault's has", jwk.Kid)
			continue
		}
		if out.has(k.index) || k.x != "" && k.x != jwk.X {
			w.report.violation(w.now, oneKey, "kid %s is shown with two keys", jwk.Kid)
		}
		k.x = jwk.X
		out.add(k.index)
	}
	w.sets[set.ETag] = out
	return out
}
