package manual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrNotListed means that kids could not be put on the revoked list in Redis.
var ErrNotListed = errors.New("not on the revoked list")

// Outcome is what a revocation came to.
type Outcome struct {
	// Missing are the kids that could not be put on the list in Redis: only the
	// configuration's revoked_kids make replicas obey.
	Missing []string
	// Signs is, by ring, the version that signs now.
	Signs map[string]int
	// Gone are, by ring, the versions that Vault listed and lists no more.
	Gone map[string][]Version
}

// Revoke does the plan: the list, then in each ring rotate, raise and trim,
// until a look shows that nothing suspect is left. One thing that fails keeps
// no other from being done; the error joins all that did.
func (o *Operator) Revoke(ctx context.Context, p *Revocations) (*Outcome, error) {
	out := &Outcome{Signs: map[string]int{}, Gone: map[string][]Version{}}
	missing, _ := o.list(ctx, p.KIDs)
	var errs []error
	for i := range p.Rings {
		if err := o.kill(ctx, &p.Rings[i], p.named, out); err != nil {
			errs = append(errs, fmt.Errorf("ring %q: %w", p.Rings[i].Ring, err))
		}
	}
	missing, err := o.list(ctx, missing) // Redis may answer by now
	for _, k := range missing {
		out.Missing = append(out.Missing, k.KID)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("%w: %w", ErrNotListed, err))
	}
	return out, errors.Join(append(errs, p.Unread)...)
}

// list puts kids on the list and returns those for which that failed.
func (o *Operator) list(ctx context.Context, kids []RevokedKID) (missing []RevokedKID, err error) {
	for _, k := range kids {
		failed := errNoRedis
		if o.cfg.Shared.Revoked != nil {
			failed = o.cfg.Shared.Revoked.Revoke(ctx, k.KID, k.Revocation)
		}
		if failed != nil {
			missing, err = append(missing, k), failed
			continue
		}
		o.did(Step{Where: "revoked list", What: k.KID})
	}
	return missing, err
}

var errNoRedis = errors.New("no Redis")

// killing is one ring's revocation under way.
type killing struct {
	o     *Operator
	plan  RingRevocation
	named []string
	out   *Outcome
	// made is what was the latest version when this run added one; shown last.
	made int
	last *look
}

func (o *Operator) kill(ctx context.Context, r *RingRevocation, named []string, out *Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Patience)
	defer cancel()
	k := killing{o: o, plan: *r, named: named, out: out}
	for {
		progress, err := k.step(ctx)
		if progress == done || err != nil && !passing(err) {
			return err
		}
		if err == nil && progress == wrote {
			continue
		}
		if late := o.wait(ctx); late != nil {
			return errors.Join(fmt.Errorf("%w: %s", late, k.stands()), err)
		}
	}
}

// progress is what one step of a revocation came to.
type progress int

const (
	waits progress = iota // Vault does not show yet what was written
	wrote
	done
)

// step looks, and writes the first thing that is still to do: whatever somebody
// else did between two requests, the next look shows what is left.
func (k *killing) step(ctx context.Context) (progress, error) {
	l, err := k.o.look(ctx, k.plan.ring)
	if err != nil {
		return waits, err
	}
	k.last = l
	next, work := k.plan.next(l, func(v *Version) bool { return slices.Contains(k.named, v.KID) || l.revoked.has(v.KID) })
	switch {
	case !work:
		k.out.Signs[k.plan.Ring] = l.signing()
		return done, nil
	case next == 0 && k.made > 0 && l.data.LatestVersion <= k.made:
		return waits, nil // a standby may lag, and one more version would be one too many
	case next == 0:
		return wrote, k.rotate(ctx, l)
	}
	if raise := minimums(l, next); len(raise) > 0 {
		return wrote, k.raise(ctx, l, next, raise)
	}
	return wrote, k.o.write(ctx, k.o.paths.Trim(k.plan.Ring), map[string]string{"min_available_version": strconv.Itoa(next)})
}

func (k *killing) rotate(ctx context.Context, l *look) error {
	if err := k.o.write(ctx, k.o.paths.Rotate(k.plan.Ring), nil); err != nil {
		return err
	}
	// From here on our own version will do, whatever the clock that dates it.
	k.made = l.data.LatestVersion
	k.plan.above = max(k.plan.above, k.made)
	return nil
}

func (k *killing) raise(ctx context.Context, l *look, next int, to map[string]string) error {
	gone := l.below(next)
	k.o.farewell(k.plan.Ring, gone)
	if err := k.o.write(ctx, k.o.paths.KeyConfig(k.plan.Ring), to); err != nil {
		return err
	}
	k.out.Gone[k.plan.Ring] = append(k.out.Gone[k.plan.Ring], gone...)
	return nil
}

// stands is what Vault showed last.
func (k *killing) stands() string {
	if k.last == nil {
		return "the ring could not be read"
	}
	d := k.last.data
	return fmt.Sprintf("latest_version %d, min_encryption_version %d, min_decryption_version %d, min_available_version %d",
		d.LatestVersion, d.MinEncryptionVersion, d.MinDecryptionVersion, d.MinAvailableVersion)
}

// minimums are those that have to rise to v, both in one request: no moment
// between the two. One that is higher stays.
func minimums(l *look, v int) map[string]string {
	to := map[string]string{}
	if l.data.MinEncryptionVersion < v {
		to["min_encryption_version"] = strconv.Itoa(v)
	}
	if l.data.MinDecryptionVersion < v {
		to["min_decryption_version"] = strconv.Itoa(v)
	}
	return to
}
