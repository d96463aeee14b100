package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// join holds both sides against each other.
type join struct {
	cfg      *Config
	book     *book
	log      *logSide
	records  *recordSide
	end      time.Time  // of the log
	covered  span       // what can be expected to be in the log
	mu       sync.Mutex // of what the parts share: the findings, and the rest of these
	stray    *spill     // signed, not declared
	retries  int
	uncovers int // issued, not in the log, and not covered by it

	before, after int // undeclared, outside the time of the records
}

// resolve gives the items with a hashed input the id of what they are, as far as
// that was declared.
func (j *join) resolve(ctx context.Context) error {
	if j.records.aliases == nil {
		return nil
	}
	return j.resolveSpill(ctx, j.log.hashed, j.records.aliases)
}

func (j *join) resolveSpill(ctx context.Context, hashed, aliases *spill) error {
	defer hashed.close()
	defer aliases.close()
	for i := range hashed.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if aliases.parts[i].n > j.cfg.PartitionMax && aliases.level < len(id{})-1 {
			if err := splitBoth(hashed, aliases, i, j.cfg.Partitions, func(a, b *spill) error { return j.resolveSpill(ctx, a, b) }); err != nil {
				return err
			}
			continue
		}
		names := make(map[id]id, aliases.parts[i].n)
		err := aliases.read(i, func(b []byte) error {
			names[id(b[:16])] = id(b[16:32])
			return nil
		})
		if err != nil {
			return err
		}
		if err := hashed.read(i, func(b []byte) error {
			if name, ok := names[id(b[:16])]; ok {
				copy(b[:16], name[:])
			}
			return j.log.clear.add(b)
		}); err != nil {
			return err
		}
		if err := errors.Join(hashed.drop(i), aliases.drop(i)); err != nil {
			return err
		}
	}
	return nil
}

// items joins the items of the log with the declarations.
func (j *join) items(ctx context.Context, all sides) error {
	defer all.close()
	return j.eachPart(ctx, len(all.declared.parts), func(d *desk, i int) error { return j.part(ctx, d, &all, i) })
}

// part joins a part, piece by piece if it is too large.
func (j *join) part(ctx context.Context, d *desk, all *sides, i int) error {
	if all.declared.parts[i].n <= j.cfg.PartitionMax || all.declared.level >= len(id{})-1 {
		if err := j.joinPart(&d.declared, all, i); err != nil {
			return err
		}
		return all.drop(i)
	}
	small, err := all.split(i, j.cfg.Partitions)
	if err != nil {
		return err
	}
	defer small.close()
	for n := range small.declared.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.part(ctx, d, &small, n); err != nil {
			return err
		}
	}
	return nil
}

// group is all that was declared of one input.
type group struct {
	detail  int64 // of the last that was issued, else of the last
	time    uint64
	first   uint64 // the time of the first
	version uint32
	canary  bool

	declared, issued, signed uint32
}

// version is a key version that was declared.
type version struct {
	id     id
	number uint32
}

// declared is a part's declarations.
type declared struct {
	table    table
	groups   []group // by their numbers in the table
	anchors  map[anchor]bool
	versions map[version]bool // beyond a group's own

	retries  int
	uncovers int // issued, not in the log, and not covered by it
}

func (j *join) joinPart(t *declared, all *sides, i int) error {
	t.table.reset(all.declared.parts[i].n)
	t.groups = t.groups[:0]
	t.anchors, t.versions = map[anchor]bool{}, map[version]bool{}
	if err := all.anchors.read(i, func(b []byte) error {
		t.anchors[anchor{id(b[:16]), short(b[16:24])}] = true
		return nil
	}); err != nil {
		return err
	}
	if err := all.declared.read(i, func(b []byte) error {
		var d declaration
		d.get(b)
		t.add(&d)
		return nil
	}); err != nil {
		return err
	}
	if err := all.signed.read(i, func(b []byte) error {
		var s signed
		s.get(b)
		if n, ok := t.table.find(&s.id); ok {
			return j.declaredItem(t, &t.groups[n], &s)
		}
		if j.inFlight(&s) {
			return nil
		}
		return j.isStray(b)
	}); err != nil {
		return err
	}
	return j.unsigned(t)
}

func (t *declared) add(d *declaration) {
	n, there := t.table.put(&d.id)
	if !there {
		t.groups = append(t.groups, group{version: d.version, canary: d.canary, first: d.time})
	}
	g := &t.groups[n]
	g.first = min(g.first, d.time)
	g.declared++
	if d.issued || g.issued == 0 {
		g.detail, g.time = d.detail, d.time
	}
	if d.issued {
		g.issued++
	}
	if d.version != g.version {
		t.versions[version{d.id, d.version}] = true
	}
}

// isStray keeps what was signed and not declared.
func (j *join) isStray(b []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stray.add(b)
}

// inFlight: the log ends before the answer could be in it.
func (j *join) inFlight(s *signed) bool {
	return s.unanswered && at(s.time).After(j.end.Add(-j.cfg.Margin))
}

// declaredItem judges an item whose input was declared.
func (j *join) declaredItem(t *declared, g *group, s *signed) error {
	j.log.requests.holds(s.request)
	g.signed++
	if j.inFlight(s) {
		return nil
	}
	if g.signed > g.declared {
		return j.find(SignedMoreOften, s, g, fmt.Sprintf(
			"%ssigned once more than was declared (%d times): somebody else had the very same signed; whoever did has a copy of this token. Look at who asked, and revoke the token if it is not Signet", j.may(s), g.declared))
	}
	if s.version != 0 && s.version != g.version && !t.versions[version{s.id, s.version}] {
		return j.find(WrongVersion, s, g, fmt.Sprintf(
			"%ssigned under key version %d and declared under %d: its header names another key than the one that signed. Look at who asked, and compare with `signet keys list`", j.may(s), s.version, g.version))
	}
	if at(s.time).Add(j.cfg.Margin).Before(at(g.first)) {
		return j.find(DeclaredLate, s, g, fmt.Sprintf(
			"%ssigned %s before it was declared, and no clock may differ that much: the record was written afterwards, to cover a signature that Signet did not ask for. Look at who asked, and at who can write the records", j.may(s), at(g.first).Sub(at(s.time)).Round(time.Second)))
	}
	if g.canary && !t.anchors[anchor{s.id, s.reference}] {
		return j.find(BrokenAnchor, s, g, "the reference of this canary in Vault's log is not the hash of the record before it: the records before it were changed after it was signed, or somebody else signed the canary. Compare the file with its backup")
	}
	return nil
}

// may is how the message about an item begins.
func (j *join) may(s *signed) string {
	if s.unanswered {
		return "without an answer in Vault's log, so perhaps, "
	}
	return ""
}

// find makes a finding of an item; g is nil if it was not declared.
func (j *join) find(kind Kind, s *signed, g *group, message string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	index := int(s.index)
	f := Finding{Kind: kind, Item: &index, KeyVersion: int(s.version), Message: message, Operation: "update"}
	if err := j.log.requests.find(s.request, &f); err != nil {
		return err
	}
	_, f.Key, _ = strings.Cut(strings.TrimPrefix(f.Path, j.cfg.Mount+"/"), "/")
	if g != nil {
		if err := j.records.tell(g.detail, &f); err != nil {
			return err
		}
	}
	return j.book.add(&f)
}

// unsigned finds what was issued and is not in the log. A group whose signatures
// were more often discarded than it is known here is no concern: each that was
// issued needs one.
func (j *join) unsigned(t *declared) error {
	for i := range t.groups {
		g := &t.groups[i]
		if g.declared > 1 {
			t.retries += int(g.declared - 1)
		}
		if g.issued <= g.signed {
			continue
		}
		when := at(g.time)
		if when.Before(j.covered.from) || when.After(j.covered.to) {
			t.uncovers += int(g.issued - g.signed)
			continue
		}
		f := Finding{Kind: UnsignedRecord, Time: when, KeyVersion: int(g.version)}
		f.Message = "the record says that this was issued, and Vault's log has no such signature: the log is not whole, or the record is false, or another key signed. Look for the request in Vault's other audit devices"
		if err := j.tell(g.detail, &f); err != nil {
			return err
		}
	}
	return nil
}

func (j *join) tell(detail int64, f *Finding) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.records.tell(detail, f); err != nil {
		return err
	}
	return j.book.add(f)
}

// strays makes findings of what was not declared, now that it is known which
// requests hold anything that was.
func (j *join) strays(ctx context.Context) error {
	defer j.stray.close()
	for i := range j.stray.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.stray.read(i, func(b []byte) error {
			var s signed
			s.get(b)
			return j.undeclared(&s)
		}); err != nil {
			return err
		}
	}
	return nil
}

func (j *join) undeclared(s *signed) error {
	if when := at(s.time); j.book.judged(when) {
		switch r := j.records.times; {
		case when.Before(r.from):
			j.before++
		case when.After(r.to.Add(j.cfg.Margin)):
			j.after++
		}
	}
	if j.log.requests.hasDeclared(s.request) {
		return j.find(ExtraItem, s, nil, j.may(s)+"signed in one request with declared items, and not declared itself: whoever sent the request has Signet's Vault token and knew what Signet was about to sign. Treat Signet's host as taken: revoke the accessor and the key version")
	}
	return j.find(UndeclaredSignature, s, nil, j.may(s)+"signed by Vault, and no record declares it: somebody used the signing right outside Signet, or records were not given. If no record has it, revoke the accessor, destroy the secret id, and revoke the key version with `signet keys revoke`")
}

// twice finds jtis that were issued with two inputs.
func (j *join) twice(ctx context.Context, issued *spill) error {
	defer issued.close()
	return j.eachPart(ctx, len(issued.parts), func(d *desk, i int) error { return j.twicePart(ctx, d, issued, i) })
}

func (j *join) twicePart(ctx context.Context, d *desk, issued *spill, i int) error {
	if issued.parts[i].n <= j.cfg.PartitionMax || issued.level >= len(short{})-1 {
		if err := j.twiceIn(d, issued, i); err != nil {
			return err
		}
		return issued.drop(i)
	}
	small, err := issued.split(i, j.cfg.Partitions)
	if err != nil {
		return err
	}
	defer small.close()
	for n := range small.parts {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := j.twicePart(ctx, d, small, n); err != nil {
			return err
		}
	}
	return nil
}

func (j *join) twiceIn(d *desk, issued *spill, i int) error {
	t := &d.declared.table
	t.reset(issued.parts[i].n)
	d.issues = d.issues[:0]
	return issued.read(i, func(b []byte) error {
		var now issue
		now.get(b)
		where := now.id()
		n, there := t.put(&where)
		if !there {
			d.issues = append(d.issues, now)
			return nil
		}
		if d.issues[n].item == now.item {
			return nil
		}
		return j.jtiTwice(&d.issues[n], &now)
	})
}

func (j *join) jtiTwice(before, now *issue) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	first, err := j.records.find(before.detail)
	if err != nil {
		return err
	}
	second, err := j.records.find(now.detail)
	if err != nil || first.jti != second.jti {
		return err
	}
	f := Finding{
		Kind: JTITwice, Time: at(second.time), OtherRecord: first.where,
		Message: "two different tokens were issued under one jti: who looks for one finds the other, and revoking one by its jti revokes both. Signet draws each jti anew: look at what else these replicas issued",
	}
	if err := j.records.tell(now.detail, &f); err != nil {
		return err
	}
	return j.book.add(&f)
}
