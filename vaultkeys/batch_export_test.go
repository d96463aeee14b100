package vaultkeys

import "encoding/base64"

// ParseSignature is the parser of Vault's signatures, for the fuzz target.
func ParseSignature(s string, encoding *base64.Encoding) (int, []byte, error) {
	return parseSignature(s, encoding)
}

// Lanes is how many lanes the batcher remembers.
func (b *Batcher) Lanes() int {
	b.queue.mu.Lock()
	defer b.queue.mu.Unlock()
	return len(b.queue.lanes)
}

// Waiting is how many requests wait to be sent.
func (b *Batcher) Waiting() int { return b.queue.depth() }
