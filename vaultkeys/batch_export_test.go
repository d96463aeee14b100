package vaultkeys

import (
	"encoding/base64"
	"time"

	"signet/signer"
)

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

// Pace is a lane's pace, for simulations: real signatures would take minutes.
type Pace struct{ p *pace }

// NewPace is how a lane of that algorithm begins.
func NewPace(a signer.Algorithm, batchMax int) Pace { return Pace{newPace(a, batchMax)} }

// Size is the next request's.
func (p Pace) Size() int { return p.p.size() }

// Answered tells it of an answer, or of a request that timed out.
func (p Pace) Answered(items int, took, timeout time.Duration) {
	if took >= timeout {
		p.p.timedOut(items)
		return
	}
	p.p.took(items, took, timeout)
}
