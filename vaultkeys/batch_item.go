package vaultkeys

import (
	"context"
	"fmt"
	"sync/atomic"

	"signet/signer"
)

// item is one signature that a caller waits for.
type item struct {
	ctx       context.Context //nolint:containedctx // asked before sending: is the caller still there?
	req       signer.Request
	sent      []byte      // what Vault gets: the digest, or the input itself
	reference string      // beside it: the request's, unless the journal puts another one
	done      chan result // takes exactly one result, and never blocks
	settled   atomic.Int32

	// Guarded by queue.mu.
	lane  *lane // nil unless waiting
	place link[*item]
	again bool   // it was put back once, and is not a second time
	since uint64 // the lane's answers when it joined
}

// What an item is settled as, by whoever comes first.
const (
	itemHandedOut int32 = iota + 1
	itemLeft
)

// handOut says that the caller gets the signature: false if it has left.
func (it *item) handOut() bool { return it.settled.CompareAndSwap(0, itemHandedOut) }

// leave says that the caller gets nothing: false if a signature is on its way.
func (it *item) leave() bool { return it.settled.CompareAndSwap(0, itemLeft) }

type result struct {
	sig []byte
	err error
}

func newItem(ctx context.Context, req signer.Request) (*item, error) {
	if req.Key.Version < 1 {
		// Version 0 would be "the latest" to Vault, which no header names.
		return nil, fmt.Errorf("%w: ring %q: key version %d cannot be pinned", signer.ErrUnavailable, req.Key.Ring, req.Key.Version)
	}
	params := ParamsOf(req.Key.Algorithm, 0)
	if params.KeyType == "" {
		return nil, fmt.Errorf("%w: ring %q: unknown algorithm %q", signer.ErrUnavailable, req.Key.Ring, req.Key.Algorithm)
	}
	it := &item{
		ctx: ctx, req: req, sent: req.Input, reference: req.Reference, done: make(chan result, 1),
	}
	if params.Prehashed {
		it.sent = req.Key.Algorithm.Digest(req.Input)
	}
	it.place.value = it
	return it, nil
}

func (it *item) finish(sig []byte, err error) { it.done <- result{sig, err} }
