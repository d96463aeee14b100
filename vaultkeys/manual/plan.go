package manual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/vaultkeys"
	"signet/vaultkeys/lifecycle"
	"signet/vaultkeys/vaultapi"
)

// Plan is what a rotation, retirement or trim does to a ring. One without steps
// has nothing to do, or nothing yet.
type Plan struct {
	Ring  string
	Steps []Step
	// Refusals are why it must not be done without force.
	Refusals []string
	// Gone are the versions that are listed no longer, or deleted, afterwards.
	Gone  []Version
	Notes []string
	// Again is when the same command has more to do, on Vault's clock; zero if it
	// has not.
	Again time.Time

	ring    *vaultkeys.RingConfig
	actions []lifecycle.Action
	// again makes the same plan anew.
	again func(context.Context) (*Plan, error)
}

func newPlan(l *look) *Plan { return &Plan{Ring: l.ring.Name, ring: l.ring} }

// then adds an action.
func (p *Plan) then(o *Operator, a lifecycle.Action, means string) {
	path, in := o.paths.Action(p.Ring, a)
	step := Step{Where: path, Means: means}
	if values, ok := in.(map[string]string); ok {
		step.What = parameters(values)
	}
	p.actions, p.Steps = append(p.actions, a), append(p.Steps, step)
}

func (p *Plan) refuse(format string, args ...any) {
	p.Refusals = append(p.Refusals, fmt.Sprintf(format, args...))
}

// Do does a plan. Just before each write it plans again, and ends with
// [ErrChanged] where that is another plan, or is refused and force is not set.
// What is done then is done; nothing of it needs to be undone.
func (o *Operator) Do(ctx context.Context, p *Plan, force bool) error {
	if len(p.Refusals) > 0 && !force {
		return fmt.Errorf("%w: %s", ErrRefused, strings.Join(p.Refusals, "; "))
	}
	for i, a := range p.actions {
		now, err := p.again(ctx)
		if err != nil {
			return err
		}
		if !slices.Equal(now.actions, p.actions[i:]) || len(now.Refusals) > 0 && !force {
			return fmt.Errorf("ring %q: %w", p.Ring, ErrChanged)
		}
		if a.Kind == lifecycle.Retire {
			o.farewell(p.Ring, now.Gone)
		}
		if err := o.act(ctx, p.ring, a); err != nil {
			return fmt.Errorf("%s of ring %q: %w", a.Kind, p.Ring, err)
		}
	}
	return nil
}

// act writes, and returns when Vault shows it. An answer may be lost: then what
// Vault shows decides.
func (o *Operator) act(ctx context.Context, ring *vaultkeys.RingConfig, a lifecycle.Action) error {
	ctx, cancel := context.WithTimeout(ctx, o.cfg.Patience)
	defer cancel()
	path, in := o.paths.Action(ring.Name, a)
	failed := o.write(ctx, path, in)
	if failed != nil && !errors.Is(failed, vaultapi.ErrUnavailable) {
		return failed
	}
	for {
		// A look, for what it remembers: since when a fence stands.
		l, err := o.look(ctx, ring)
		switch {
		case err == nil && shows(&l.data, a):
			return nil
		case err == nil && failed != nil:
			return failed
		case err != nil && !passing(err):
			return err
		}
		if late := o.wait(ctx); late != nil {
			return errors.Join(fmt.Errorf("%w: Vault does not show it", late), failed, err)
		}
	}
}

// shows reports whether a key read shows that an action was done.
func shows(d *vaultkeys.KeyData, a lifecycle.Action) bool {
	switch a.Kind {
	case lifecycle.Fence:
		return d.MinEncryptionVersion >= a.Version
	case lifecycle.Retire:
		return d.MinDecryptionVersion >= a.Version
	case lifecycle.Trim:
		return d.MinAvailableVersion >= a.Version
	case lifecycle.Rotate:
		return d.LatestVersion > a.Version
	}
	return false
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
