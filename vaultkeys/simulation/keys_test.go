package simulation

import (
	"signet/signer"
	"signet/vaultkeys"
)

// key is one key that Vault has or had.
type key struct {
	index int
	kid   string
	x     string // as the JWK sets show it
	made  string // by whom: the schedule or an operator

	listed bool
	since  instant // when Vault began to list it, at first or again
	// promoted: an emergency or a restore made it sign without a publish delay.
	promoted bool
	// dead: an emergency or a restore took it away, and its tokens with it.
	dead      bool
	revokedAt instant // 0 = it is not revoked

	// tokens are those that it signed.
	tokens int
	// until is the end of its last token, at the slowest clock.
	until instant
}

// learn enters a new key.
func (w *world) learn(v vaultkeys.KeyVersionData, made string) *key {
	public, err := vaultkeys.ParsePublic(signer.EdDSA, 0, v.PublicKey)
	if err != nil {
		panic(err)
	}
	kid, err := vaultkeys.Thumbprint(public)
	if err != nil {
		panic(err)
	}
	k := &key{index: len(w.keys), kid: kid, made: made}
	w.keys[kid], w.publics[v.PublicKey] = k, k
	return k
}

// listing is what a key read shows, by public key.
func (w *world) listing(s state) map[*key]int {
	out := map[*key]int{}
	for n, v := range s.versions {
		if k := w.publics[v.PublicKey]; n >= s.minDec && k != nil {
			out[k] = n
		}
	}
	return out
}
