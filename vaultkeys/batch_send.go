package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"signet/signer"
	"signet/vaultkeys/vaultapi"
)

// run is one of a lane's places for a request to Vault. It ends when nothing
// waits.
func (b *Batcher) run(l *lane) {
	items := make([]*item, 0, 8)
	for {
		// Whoever is about to ask may do so first: under load that fills the
		// batch, and on an idle machine nobody else is runnable.
		runtime.Gosched()
		items = b.queue.take(l, items[:0])
		if len(items) == 0 {
			return
		}
		b.serve(l, items)
	}
}

// serve gets every item its result, once more asked for if need be: what was cut
// off or came back faulty at once, for those who still wait. What timed out waits
// again, because Vault would not be faster the second time: it is sent in smaller
// requests, and a canary or another client comes in between.
func (b *Batcher) serve(l *lane, items []*item) {
	err := b.attempt(l, items)
	if err == nil {
		return
	}
	if b.retryable(err) {
		if errors.Is(err, context.DeadlineExceeded) {
			items = b.queue.putBack(l, items)
		} else {
			if errors.Is(err, errFaulty) {
				b.reread(l.key.ring)
			}
			if items = wanted(items); len(items) == 0 {
				return
			}
			if err = b.attempt(l, items); err == nil {
				return
			}
		}
	}
	err = classify(err)
	for _, it := range items {
		it.finish(nil, err)
	}
}

// attempt sends one request and, if the reply as a whole is good, hands out
// the results. Otherwise nothing was handed out.
func (b *Batcher) attempt(l *lane, items []*item) error {
	// Read before sending: a fault that another runner finds meanwhile must not
	// be forgiven by this reply.
	faults := l.faults.Load()
	declared, err := b.declare(items)
	if err != nil {
		return err
	}
	results, requestID, err := b.ask(l, items)
	if err == nil {
		all := b.cfg.VerifyAll || faults > 0
		err = verify(items, results, all)
		if err == nil && all && faults > 0 {
			l.faults.CompareAndSwap(faults, 0)
		}
	}
	if err != nil {
		b.failed(l, len(items), err)
		declared.failed(requestID, err)
		return err
	}
	for i, it := range items {
		declared.outcome(i, it, results[i].err)
		it.finish(results[i].sig, results[i].err)
	}
	declared.done(requestID)
	return nil
}

// ask is the request to Vault, under the batch's own deadline. It tells Vault's
// id of the request, where there is an answer.
func (b *Batcher) ask(l *lane, items []*item) (results []result, requestID string, err error) {
	path := b.paths.Sign(l.key.ring)
	if l.key.alg.Symmetric() {
		path = b.paths.HMAC(l.key.ring)
	}
	ctx, cancel := context.WithTimeout(b.life, b.cfg.Timeout)
	defer cancel()
	began := b.cfg.Now()
	reply := batchReply{Results: make([]batchResult, 0, len(items))}
	meta, err := b.cfg.Vault.Write(ctx, path, newBatchRequest(l.key, items), &reply)
	took := b.cfg.Now().Sub(began)
	b.metrics.asked(l.key.ring, len(items), took)
	if errors.Is(err, context.DeadlineExceeded) {
		l.pace.timedOut(len(items))
	}
	if err != nil {
		return nil, meta.RequestID, err
	}
	l.answers.Add(1)
	l.pace.took(len(items), took, b.cfg.Timeout)
	results, err = reply.results(l.key, items)
	return results, meta.RequestID, err
}

// retryable: the request changes nothing in Vault, so sending it again is
// safe; but only a lost or a faulty answer is worth it: a refusal would be
// repeated. Lost is a timeout, and a connection that Vault closed just as it
// was used again.
func (b *Batcher) retryable(err error) bool {
	if b.life.Err() != nil {
		return false // shutting down
	}
	return errors.Is(err, errFaulty) || errors.Is(err, context.DeadlineExceeded) || unanswered(err)
}

// unanswered: the request was sent, or may have been, and no answer came.
func unanswered(err error) bool {
	var request *vaultapi.Error
	return errors.As(err, &request) && request.Status == 0 && request.Op == "write"
}

// wanted keeps the items whose caller still waits.
func wanted(items []*item) []*item {
	kept := items[:0]
	for _, it := range items {
		if it.ctx.Err() != nil {
			it.finish(nil, errGone(it.ctx))
			continue
		}
		kept = append(kept, it)
	}
	return kept
}

func (b *Batcher) reread(ring string) {
	if b.cfg.Reread == nil {
		return
	}
	ctx, cancel := context.WithTimeout(b.life, b.cfg.Timeout)
	defer cancel()
	if err := b.cfg.Reread(ctx, ring); err != nil {
		b.cfg.Logger.Warn("reading a key ring again after a faulty signature", "ring", ring, "error", err)
	}
}

// classify says what a failed batch means to the signer.
func classify(err error) error {
	switch {
	case errors.Is(err, vaultapi.ErrVersionRefused):
		return fmt.Errorf("%w: %w", signer.ErrVersionRefused, err)
	case errors.Is(err, errFaulty):
		// Twice: what Vault calls this version is not the key in the header. If
		// the ring, read again, says so too, a rebuilt header heals it; if not,
		// the signer makes ErrUnavailable of it.
		return fmt.Errorf("%w: %w", signer.ErrVersionRefused, err)
	default:
		return fmt.Errorf("%w: %w", signer.ErrUnavailable, err) // and what could not be recorded
	}
}

// failed counts and logs a request that gave nothing.
func (b *Batcher) failed(l *lane, n int, err error) {
	kind := kindOf(err)
	if kind == faultReply {
		l.faults.Add(1)
	}
	b.metrics.failed(l.key.ring, kind, err)
	if errors.Is(err, vaultapi.ErrVersionRefused) || b.life.Err() != nil || !b.loud.allows(kind) {
		return // a fence, or the end: nothing is wrong
	}
	log := b.cfg.Logger.With("ring", l.key.ring, "version", l.key.version, "items", n, "error", err)
	switch kind {
	case faultReply:
		log.Error("a signature from Vault is not what was asked for: the batch was discarded")
	case faultDenied:
		log.Error("Vault denies signing: the policy or the login of the issuer is wrong; see signet vault init")
	case faultRequest:
		log.Error("Vault does not accept the request to sign")
	case faultUnavailable, numFaultKinds:
		log.Warn("Vault cannot be asked to sign")
	}
}

func kindOf(err error) faultKind {
	switch {
	case errors.Is(err, errFaulty):
		return faultReply
	case errors.Is(err, vaultapi.ErrPermissionDenied), errors.Is(err, vaultapi.ErrTokenInvalid):
		return faultDenied
	case errors.Is(err, vaultapi.ErrBadRequest), errors.Is(err, vaultapi.ErrNotFound):
		return faultRequest
	default:
		return faultUnavailable
	}
}
