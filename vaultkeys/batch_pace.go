package vaultkeys

import (
	"sync/atomic"
	"time"

	"signet/signer"
)

// pace sizes a lane's requests by how long its signatures take: 128 of ECDSA
// P-256 are done in milliseconds, as many of RSA 4096 take longer than the
// request may. Whoever comes next waits for the request that is out, so a
// request is meant to take an eighth of its timeout.
type pace struct{ limit atomic.Int64 }

// cautious is the first request's size for an algorithm that may be slow: RSA,
// whose key may have up to 4096 bits.
const cautious = 8

func (p *pace) start(a signer.Algorithm, batchMax int) {
	limit := batchMax
	switch a {
	case signer.RS256, signer.RS384, signer.RS512, signer.PS256, signer.PS384, signer.PS512:
		limit = min(limit, cautious)
	case signer.ES256, signer.ES384, signer.ES512, signer.EdDSA, signer.HS256:
	}
	p.limit.Store(int64(limit))
}

// size is how many signatures the next request may ask for, 1 or more.
func (p *pace) size() int { return int(max(1, p.limit.Load())) }

// took learns from an answer. It changes the size by a factor of two at most:
// one slow answer is no rule. Concurrent answers may overwrite each other's
// lesson; the next one teaches it again.
func (p *pace) took(items int, d, timeout time.Duration, batchMax int) {
	perItem := max(1, d/time.Duration(max(1, items)))
	now := p.limit.Load()
	p.limit.Store(min(max(int64(timeout/8/perItem), now/2, 1), 2*now, int64(batchMax)))
}

// timedOut learns from a request that got no answer in time.
func (p *pace) timedOut(items int) { p.limit.Store(max(1, min(p.limit.Load(), int64(items))/2)) }
