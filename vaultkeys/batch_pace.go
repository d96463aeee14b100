package vaultkeys

import (
	"sync"
	"time"

	"signet/signer"
)

// pace sizes requests by how long a signature takes: 128 of ECDSA P-256 are done
// in milliseconds, as many of RSA 4096 take longer than the request may. Whoever
// comes next waits for the request that is out, so its signatures are meant to
// take an eighth of its timeout.
//
// Only what signatures cost counts, not what every request costs: beside a slow
// audit disk or a long way to Vault smaller requests would be no quicker, only
// more, and the queue would never empty again. So the time is a line over the
// number of signatures, fitted to the latest answers, and its slope decides.
type pace struct {
	max int

	mu    sync.Mutex
	limit int
	probe bool // whether the next size goes a little beyond what is known
	// Moving means, variance and covariance of the signatures in a request and
	// its seconds.
	known                        bool
	items, seconds, spread, both float64
}

const (
	// cautious is the first request's size for an algorithm that may be slow: RSA,
	// whose key may have up to 4096 bits.
	cautious = 8
	// lesson is the weight of the latest answer.
	lesson = 0.2
	// doubt is how much the sizes must have varied, as a share of their mean
	// squared, until the slope counts as much as the plain time per signature.
	doubt = 0.01
	// surprise is how many times longer or shorter than expected an answer takes
	// when everything before it is forgotten.
	surprise = 3
)

func newPace(a signer.Algorithm, batchMax int) *pace {
	p := &pace{max: batchMax, limit: batchMax}
	switch a {
	case signer.RS256, signer.RS384, signer.RS512, signer.PS256, signer.PS384, signer.PS512:
		p.limit = min(batchMax, cautious)
	case signer.ES256, signer.ES384, signer.ES512, signer.EdDSA, signer.HS256:
	}
	return p
}

// size is how many signatures the next request may ask for, 1 or more.
func (p *pace) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit
}

// took learns from an answer. It changes the size by a factor of two at most
// (one slow answer is no rule), and never raises it beyond what has been tried.
func (p *pace) took(items int, d, timeout time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observe(float64(items), d.Seconds())
	fit := p.max
	if slope := p.slope(); slope*float64(p.max) > (timeout / 8).Seconds() {
		fit = max(1, int((timeout/8).Seconds()/slope))
	}
	if p.probe = !p.probe && d <= timeout/4; p.probe {
		fit += max(1, fit/4) // sizes that never vary say nothing about the slope
	}
	if items < p.limit {
		fit = min(fit, p.limit)
	}
	if d > timeout/2 { // too near to the end, whatever it is that takes so long
		fit = min(fit, items/2)
	}
	p.limit = max(1, p.limit/2, min(fit, 2*p.limit, p.max))
}

func (p *pace) observe(items, seconds float64) {
	di, ds := items-p.items, seconds-p.seconds
	if expected := p.seconds + p.slope()*di; !p.known || seconds > surprise*expected || seconds*surprise < expected {
		// Vault or the key is another: what is known of the old one would mislead.
		p.known, p.items, p.seconds, p.spread, p.both = true, items, seconds, 0, 0
		return
	}
	p.items += lesson * di
	p.seconds += lesson * ds
	p.spread = (1 - lesson) * (p.spread + lesson*di*di)
	p.both = (1 - lesson) * (p.both + lesson*di*ds)
}

// slope is the seconds that one more signature costs. While sizes hardly vary it
// leans towards the time per signature, which it cannot exceed.
func (p *pace) slope() float64 {
	if !p.known {
		return 0
	}
	plain := p.seconds / p.items
	weight := doubt * p.items * p.items
	return min(plain, max(0, (p.both+weight*plain)/(p.spread+weight)))
}

// timedOut learns from a request that got no answer in time.
func (p *pace) timedOut(items int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit = max(1, min(p.limit, items/2))
}
