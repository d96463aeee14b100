package vaultkeys

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"signet/signer"
)

// KIDs is where replicas note for each other, and for those that start later,
// which kid each version of a ring has; *sharedstate.KIDs fits it. Nothing is
// signed or published because of a note. It has two uses: the kid of a fenced
// HS256 version, which Vault computes no more (for that only a proof counts),
// and seeing that a version got another key while nobody looked.
type KIDs interface {
	// Remember notes a version's kid in place of an earlier note; an empty kid
	// takes that back.
	Remember(ctx context.Context, ring string, version int, kid string) error
	// Recall is what was noted of a ring, by version.
	Recall(ctx context.Context, ring string) (map[int]string, error)
	// RememberProof notes that of which an HS256 version's kid is the hash, in
	// place of an earlier note.
	RememberProof(ctx context.Context, ring string, version int, proof string) error
	// RecallProofs are the proofs that were noted of a ring, by version.
	RecallProofs(ctx context.Context, ring string) (map[int]string, error)
}

// recallTimeout bounds a question during a read: callers may wait for it.
const recallTimeout = 500 * time.Millisecond

// kidNotes notes what the rings show. One goroutine uses it, beside the reads:
// these must not wait for whatever keeps the notes.
type kidNotes struct {
	rings   *Rings
	noted   []map[int]string // by ring: version -> kid, as far as this process noted it
	failing bool
}

func newKIDNotes(r *Rings) *kidNotes {
	n := &kidNotes{rings: r}
	for range r.readers {
		n.noted = append(n.noted, map[int]string{})
	}
	return n
}

func (n *kidNotes) run(ctx context.Context) {
	for {
		n.round(ctx)
		if !pause(ctx, Jitter(n.rings.cfg.RefreshInterval)) {
			return
		}
	}
}

// round notes what is new. What fails is tried again in the next one.
func (n *kidNotes) round(ctx context.Context) {
	var err error // the first one
	for i, s := range n.rings.view.Load().rings {
		if s == nil {
			continue
		}
		// What is wrong with one ring's notes must not keep the others' back.
		err = cmp.Or(err, n.note(ctx, n.rings.readers[i], s), n.noteProofs(ctx, n.rings.readers[i], s))
	}
	switch log := n.rings.cfg.Logger; {
	case ctx.Err() != nil:
		return
	case err != nil && !n.failing:
		log.Warn("kids cannot be noted for other replicas, trying again each refresh_interval", "error", err)
	case err == nil && n.failing:
		log.Info("kids are noted for other replicas again")
	}
	n.failing = err != nil
}

// note notes the kids of a ring that are not noted, for the first time or
// because the notes were lost, and compares the others with what was noted
// before this process.
func (n *kidNotes) note(ctx context.Context, ring *ringReader, s *snapshot) error {
	before, err := n.rings.cfg.KIDs.Recall(ctx, ring.cfg.Name)
	if err != nil {
		return fmt.Errorf("recalling the kids of ring %q: %w", ring.cfg.Name, err)
	}
	changed := false
	for _, v := range s.listed {
		number, kid := v.key.Version, v.key.KID
		noted, old := n.noted[ring.index][number], before[number]
		differs := signer.IsKID(old) && old != kid
		switch {
		case old == kid && !v.recalled:
			n.noted[ring.index][number] = kid
			continue
		case v.recalled, differs && noted == kid: // nobody's word here; another replica has read something newer
			continue
		case differs:
			changed = true
			if noted == "" { // what changed in this process's own time its reader has reported
				ring.raise(true, alarm{alarmKeyChanged, number, old})
			}
		}
		if err := n.remember(ctx, ring, number, kid); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	// The numbering may have begun anew. What is ahead of it was noted of the
	// former key, and would be taken for another change at each rotation.
	for number := range before {
		if number > s.ring.Latest {
			if err := n.remember(ctx, ring, number, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// noteProofs notes the proofs of an HS256 ring wherever the notes say something
// else: each of these Vault has computed or verified for this process.
func (n *kidNotes) noteProofs(ctx context.Context, ring *ringReader, s *snapshot) error {
	if ring.symmetric == nil {
		return nil
	}
	before, err := n.rings.cfg.KIDs.RecallProofs(ctx, ring.cfg.Name)
	if err != nil {
		return fmt.Errorf("recalling the proofs of the kids of ring %q: %w", ring.cfg.Name, err)
	}
	for _, v := range s.listed {
		if number := v.key.Version; before[number] != v.proof {
			if err := n.rings.cfg.KIDs.RememberProof(ctx, ring.cfg.Name, number, v.proof); err != nil {
				return fmt.Errorf("noting the proof of the kid of ring %q version %d: %w", ring.cfg.Name, number, err)
			}
		}
	}
	return nil
}

func (n *kidNotes) remember(ctx context.Context, ring *ringReader, version int, kid string) error {
	if err := n.rings.cfg.KIDs.Remember(ctx, ring.cfg.Name, version, kid); err != nil {
		return fmt.Errorf("noting the kid of ring %q version %d: %w", ring.cfg.Name, version, err)
	}
	n.noted[ring.index][version] = kid
	return nil
}
