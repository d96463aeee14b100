package vaultkeys

import (
	"context"
	"fmt"

	"signet/signer"
)

// item is one signature that a caller waits for.
type item struct {
	ctx       context.Context //nolint:containedctx // asked before sending: is the caller still there?
	key       signer.Key
	input     []byte // the JWS signing input
	sent      []byte // what Vault gets: the digest, or the input itself
	reference string
	client    string
	done      chan result // takes exactly one result, and never blocks

	// Guarded by queue.mu.
	lane  *lane // nil unless waiting
	place link[*item]
	again bool   // it was put back once, and is not a second time
	since uint64 // the lane's answers when it joined
}

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
		ctx: ctx, key: req.Key, input: req.Input, sent: req.Input,
		reference: req.Reference, client: req.Client, done: make(chan result, 1),
	}
	if params.Prehashed {
		h := req.Key.Algorithm.Hash().New()
		h.Write(req.Input)
		it.sent = h.Sum(nil)
	}
	it.place.value = it
	return it, nil
}

func (it *item) finish(sig []byte, err error) { it.done <- result{sig, err} }
