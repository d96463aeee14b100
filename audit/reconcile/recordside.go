package reconcile

import (
	"context"
	"fmt"
	"strconv"

	"signet/audit"
	"signet/audit/records"
)

// recordSide takes the records apart: each declaration goes to the spills as
// soon as it is known what became of it.
type recordSide struct {
	cfg      *Config
	book     *book
	keys     map[string]scope
	ids      *ids
	declared *spill
	anchors  *spill
	issued   *spill // by jti
	aliases  *spill // nil unless the log is hashed
	details  *details
	chains   map[int]*batches
	order    []int // of chains, the oldest first
	free     []*batch
	queue    []queued // waiting for their hashes
	hashes   int64    // asked for so far

	tokens, canaries, discarded, unknown, noOutcome, otherRings, lateOutcomes int
	times                                                                     span
}

// queued is a declaration and what is to be hashed of it.
type queued struct {
	declaration

	ring, input, anchor string
}

func (q *queued) values() [2]string { return [2]string{q.input, q.anchor} }

func newRecordSide(cfg *Config, dir string, b *book, log *logSide) (*recordSide, error) {
	file, err := newBlobs(dir, "details")
	if err != nil {
		return nil, err
	}
	s := &recordSide{
		cfg: cfg, book: b, keys: map[string]scope{}, ids: log.ids, details: &details{file: file}, chains: map[int]*batches{},
		declared: newSpill(dir, "declared", declarationSize, 0, cfg.Partitions),
		anchors:  newSpill(dir, "anchors", anchorSize, 0, cfg.Partitions),
		issued:   newSpill(dir, "issued", issueSize, 0, cfg.Partitions),
	}
	if log.anyHashed {
		s.aliases = newSpill(dir, "alias", aliasSize, 0, cfg.Partitions)
	}
	for i := range cfg.Keys {
		s.keys[cfg.Keys[i].Name] = s.ids.under(cfg.Keys[i].Name)
	}
	return s, nil
}

func (s *recordSide) record(ctx context.Context, r *records.Record) error {
	s.times.include(r.Time)
	b, ok := s.chains[r.Chain]
	if !ok {
		b = &batches{replica: string(r.Replica), open: map[uint64]*batch{}}
		s.chains[r.Chain] = b
		s.order = append(s.order, r.Chain)
		if err := s.forgetChains(ctx, maxChains); err != nil {
			return err
		}
	}
	switch r.Event { //nolint:exhaustive // the other events say nothing of signatures
	case audit.EventToken, audit.EventCanary:
		return s.declare(ctx, b, r)
	case audit.EventBatch:
		return s.outcome(ctx, b, r)
	case audit.EventStart:
		return s.end(ctx, b) // whoever declared these is gone
	}
	return nil
}

func (s *recordSide) declare(ctx context.Context, b *batches, r *records.Record) error {
	under, ok := s.keys[string(r.Ring)]
	if !ok {
		s.otherRings++
		return nil
	}
	to := b.find(r.Batch)
	if to == nil {
		if len(b.order) >= maxOpen {
			if err := s.close(ctx, b, b.order[0]); err != nil {
				return err
			}
		}
		to = s.newBatch(r.Batch)
		b.add(to)
	}
	p := to.add(r)
	p.id = s.ids.of(under, r.Input)
	if p.canary {
		s.canaries++
	} else {
		s.tokens++
	}
	if len(r.JTI) > 0 {
		p.jtiID = s.ids.short(noKey, r.JTI)
	}
	if s.aliases != nil || p.canary {
		p.ring, p.input, p.prev = to.keep(r.Ring), to.keep(r.Input), to.keep(r.Prev)
	}
	return nil
}

// outcome settles the batch that a record is about.
func (s *recordSide) outcome(ctx context.Context, b *batches, r *records.Record) error {
	one := b.find(r.Batch)
	if one == nil {
		s.lateOutcomes++
		return nil
	}
	b.forget(one)
	s.details.begin(b.replica, r.RequestID, one)
	for i := range one.items {
		p := &one.items[i]
		switch r.OutcomeOf(i) {
		case audit.OutcomeIssued:
			p.issued = true
		case audit.OutcomeDiscarded:
			s.discarded++
		case audit.OutcomeUnknown:
			s.unknown++
		default:
			s.noOutcome++
		}
		if err := s.settle(ctx, one, p); err != nil {
			return err
		}
	}
	s.reuse(one)
	return s.details.end()
}

// close settles a batch that has no outcome.
func (s *recordSide) close(ctx context.Context, b *batches, one *batch) error {
	b.forget(one)
	s.details.begin(b.replica, nil, one)
	for i := range one.items {
		s.noOutcome++
		if err := s.settle(ctx, one, &one.items[i]); err != nil {
			return err
		}
	}
	s.reuse(one)
	return s.details.end()
}

// end settles all batches of a chain that are left.
func (s *recordSide) end(ctx context.Context, b *batches) error {
	for len(b.order) > 0 {
		if err := s.close(ctx, b, b.order[0]); err != nil {
			return err
		}
	}
	return nil
}

// maxChains bounds how many chains may still get an outcome.
const maxChains = 10_000

// forgetChains settles the oldest chains, but for so many.
func (s *recordSide) forgetChains(ctx context.Context, but int) error {
	for len(s.order) > but {
		if err := s.end(ctx, s.chains[s.order[0]]); err != nil {
			return err
		}
		delete(s.chains, s.order[0])
		s.order = s.order[1:]
	}
	return nil
}

// finish settles whatever is left.
func (s *recordSide) finish(ctx context.Context) error {
	if err := s.forgetChains(ctx, 0); err != nil {
		return err
	}
	return s.askQueue(ctx)
}

// settle spills a declaration.
func (s *recordSide) settle(ctx context.Context, b *batch, p *pending) error {
	p.detail = s.details.add(b, p)
	if p.issued && p.jti.to > p.jti.from {
		var to [issueSize]byte
		one := issue{jti: p.jtiID, item: p.id.short(), detail: p.detail}
		one.put(&to)
		if err := s.issued.add(to[:]); err != nil {
			return err
		}
	}
	if p.canary {
		if err := s.anchor(p.id, b.bytes(p.prev)); err != nil {
			return err
		}
	}
	if s.aliases == nil {
		return s.spill(&p.declaration)
	}
	q := queued{declaration: p.declaration, ring: b.string(p.ring), input: b.string(p.input)}
	if p.canary {
		q.anchor = b.string(p.prev)
	}
	s.queue = append(s.queue, q)
	if len(s.queue) >= queueLength {
		return s.askQueue(ctx)
	}
	return nil
}

// anchor spills a reference that a canary may have; there is none for a chain's
// first record.
func (s *recordSide) anchor(of id, reference []byte) error {
	if len(reference) == 0 {
		return nil
	}
	var to [anchorSize]byte
	one := anchor{id: of, reference: s.ids.short(noKey, reference)}
	one.put(&to)
	return s.anchors.add(to[:])
}

// queueLength is how many declarations are asked about at once.
const queueLength = 2048

// askQueue learns what the queued inputs look like in a hashed log.
func (s *recordSide) askQueue(ctx context.Context) error {
	if len(s.queue) == 0 {
		return nil
	}
	values := make([]string, 0, len(s.queue))
	for i := range s.queue {
		for _, value := range s.queue[i].values() {
			if value != "" {
				values = append(values, value)
			}
		}
	}
	hashes, err := s.cfg.Hasher.All(ctx, values)
	if err == nil && len(hashes) != len(values) {
		err = fmt.Errorf("%d hashes for %d values", len(hashes), len(values))
	}
	if err != nil {
		return fmt.Errorf("asking Vault for hashes: %w", err)
	}
	s.hashes += int64(len(hashes))
	s.cfg.Progress(Hashing, s.hashes, 0)
	next := func(value string) (hash string) {
		if value != "" {
			hash, hashes = hashes[0], hashes[1:]
		}
		return hash
	}
	for i := range s.queue {
		q := &s.queue[i]
		both := q.values()
		hashed := s.ids.of(s.keys[q.ring], []byte(next(both[0])))
		if hash := next(both[1]); hash != "" {
			if err := s.anchor(q.id, []byte(hash)); err != nil {
				return err
			}
		}
		if err := s.aliases.add(append(hashed[:], q.id[:]...)); err != nil {
			return err
		}
		if err := s.spill(&q.declaration); err != nil {
			return err
		}
	}
	s.queue = s.queue[:0]
	return nil
}

func (s *recordSide) spill(d *declaration) error {
	var b [declarationSize]byte
	d.put(&b)
	return s.declared.add(b[:])
}

// problem makes a finding of what is wrong with the records themselves.
func (s *recordSide) problem(p records.Problem) error {
	return s.book.add(&Finding{
		Kind: Kind(p.Kind), Time: p.Time, Record: s.where(p.Place), Replica: p.Replica, Seq: p.Seq, Message: p.What,
	})
}

func (s *recordSide) where(p records.Place) string {
	return s.cfg.Records.Paths[p.File] + ":" + strconv.Itoa(p.Line)
}

// find reads a detail back.
func (s *recordSide) find(at int64) (detail, error) {
	d, err := s.details.find(at)
	d.where = s.where(d.place)
	return d, err
}

// tell fills in what a finding tells of a record.
func (s *recordSide) tell(at int64, f *Finding) error {
	d, err := s.find(at)
	f.Record, f.Replica, f.Seq, f.JTI, f.ClientID = d.where, d.replica, d.seq, d.jti, d.client
	if f.RequestID == "" {
		f.RequestID = d.requestID
	}
	return err
}

// letGo closes the files.
func (s *recordSide) letGo() {
	s.details.file.close()
	s.declared.close()
	s.anchors.close()
	s.issued.close()
	if s.aliases != nil {
		s.aliases.close()
	}
}
