package vaultkeys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"signet/signer"
)

// BatcherConfig configures [NewBatcher].
type BatcherConfig struct {
	// Vault is the connection. Required.
	Vault Vault
	// Mount is the transit mount's path; "" = transit.
	Mount string
	// InFlight is how many requests to Vault may be out at once for one
	// version of one ring; 0 = 2, which keep Vault busy while replies are
	// checked here.
	InFlight int
	// BatchMax is the most signatures asked for in one request; 0 = 128. A key
	// whose signatures take long gets fewer: an eighth of Timeout's worth.
	BatchMax int
	// QueueMax is the most requests that wait, over all rings; 0 = 4096.
	QueueMax int
	// VerifyAll makes every signature be verified locally before it leaves;
	// false = one of each reply, and all after a failure until a clean reply.
	VerifyAll bool
	// Timeout is how long Vault may take for one batch; 0 = 2s. What took
	// longer is asked for once more, in smaller batches.
	Timeout time.Duration
	// Journal has every signature declared before Vault is asked for it; nil = no
	// records are kept.
	Journal Journal
	// Reread reads a ring again now, after a signature that does not verify;
	// nil = nothing is read.
	Reread func(ctx context.Context, ring string) error
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Logger takes refusals and faulty replies; nil = slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics; nil = none.
	Registerer prometheus.Registerer
}

// MACsInFlight is how many checks of HMACs may be out, as a multiple of InFlight
// and over all rings: they are not batched.
const MACsInFlight = 4

// Journal keeps a record of every signature; *journal.Journal is one.
type Journal interface {
	// Declare writes what Vault is about to be asked for, and may set references.
	// With an error nothing may be asked for.
	Declare(batch []signer.Declaration) (id uint64, err error)
	// Outcome writes what became of it, in the same order; requestID is Vault's,
	// empty if it did not answer.
	Outcome(id uint64, requestID string, outcomes []signer.Outcome)
}

func (c *BatcherConfig) defaults() {
	if c.InFlight <= 0 {
		c.InFlight = 2
	}
	if c.BatchMax <= 0 {
		c.BatchMax = 128
	}
	if c.QueueMax <= 0 {
		c.QueueMax = 4096
	}
	if c.Timeout <= 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// Batcher signs with Vault in batches (group commit): while the allowed number
// of requests is out, newcomers queue, and the next request takes all that
// wait for the same version. Idle, it adds no delay. It fits signer.Backend;
// all methods may be called concurrently.
type Batcher struct {
	cfg     BatcherConfig
	paths   Paths
	queue   *queue
	metrics *batchMetrics
	loud    logFloor
	macs    *semaphore // of checks of HMACs, which are not batched

	// life bounds every request to Vault. It is no caller's: one caller leaving
	// must not cancel the others of its batch.
	life context.Context //nolint:containedctx // the Batcher's own lifetime, not a caller's
	end  context.CancelFunc
}

var _ signer.Backend = (*Batcher)(nil)

// NewBatcher returns a batcher; Close ends it.
func NewBatcher(cfg BatcherConfig) *Batcher {
	cfg.defaults()
	b := &Batcher{
		cfg:   cfg,
		paths: Paths{Mount: cfg.Mount},
		queue: newQueue(cfg.InFlight, cfg.BatchMax, cfg.QueueMax),
		loud:  logFloor{now: cfg.Now},
		macs:  newSemaphore(cfg.InFlight*MACsInFlight, cfg.QueueMax),
	}
	b.life, b.end = context.WithCancel(context.Background())
	b.metrics = newBatchMetrics(b, cfg.Registerer)
	return b
}

var errClosed = fmt.Errorf("%w: shutting down", signer.ErrUnavailable)

// Sign fits signer.Backend. It returns as soon as ctx ends, with the signature if
// that is recorded as issued by then; if not, it may still be made. The error is ctx's, and signer.ErrUnavailable or, if ctx's
// time was up before the request was sent while others were served,
// signer.ErrOverloaded.
func (b *Batcher) Sign(ctx context.Context, req signer.Request) ([]byte, error) {
	began := b.cfg.Now()
	sig, err := b.sign(ctx, req)
	b.metrics.signed(req.Key.Ring, err, ctx.Err() != nil, b.cfg.Now().Sub(began))
	return sig, err
}

func (b *Batcher) sign(ctx context.Context, req signer.Request) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, errGone(ctx)
	}
	it, err := newItem(ctx, req)
	if err != nil {
		return nil, err
	}
	lane, start, err := b.queue.add(it)
	if err != nil {
		return nil, err
	}
	if start {
		go b.run(lane) //nolint:contextcheck // runs under b.life: others share the batch
	}
	select {
	case r := <-it.done:
		return r.sig, r.err
	case <-ctx.Done():
		if !it.leave() { // recorded as issued a moment ago, so it is
			r := <-it.done
			return r.sig, r.err
		}
		return nil, b.queue.abandon(it)
	}
}

func errGone(ctx context.Context) error {
	return fmt.Errorf("%w: waiting for a signature: %w", signer.ErrUnavailable, context.Cause(ctx))
}

// Close refuses new requests and waits for those already made. If ctx ends
// first, what is still out fails with signer.ErrUnavailable, and ctx's error
// is returned.
func (b *Batcher) Close(ctx context.Context) error {
	idle := b.queue.close()
	defer b.end()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		b.end()
		<-idle // soon: every request to Vault runs under b.life
		return fmt.Errorf("draining the signing queue: %w", context.Cause(ctx))
	}
}

// logFloor lets a message of one kind through at most every ten seconds: a
// broken Vault policy fails every batch the same way.
type logFloor struct {
	now  func() time.Time
	last [numFaultKinds]atomic.Int64 // unix nanoseconds
}

func (f *logFloor) allows(kind faultKind) bool {
	now := f.now().UnixNano()
	last := f.last[kind].Load()
	if last != 0 && now-last < int64(10*time.Second) {
		return false
	}
	return f.last[kind].CompareAndSwap(last, now)
}

// faultKind sorts what is logged; it never reaches a caller.
type faultKind int

const (
	faultReply faultKind = iota
	faultDenied
	faultRequest
	faultUnavailable
	numFaultKinds
)

func isContextEnd(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
