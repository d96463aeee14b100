package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"signet/vaultkeys/manual"
)

// changeOptions are the flags of the commands that change something.
type changeOptions struct {
	keysOptions
	planOptions
	force bool
}

func (o *changeOptions) add(cmd *cobra.Command) {
	o.keysOptions.add(cmd)
	o.planOptions.add(cmd)
}

func (o *changeOptions) addForce(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&o.force, "force", false, usage)
}

// check refuses what would end at a question that nobody can answer.
func (o *changeOptions) check(cmd *cobra.Command) error {
	if err := given(cmd); err != nil {
		return err
	}
	return o.planOptions.check(cmd)
}

// change shows a plan, asks, does it, and shows what became of the ring. It
// reports whether it did something.
func (k *keys) change(ctx context.Context, cmd *cobra.Command, o *changeOptions, p *manual.Plan, word string) (bool, error) {
	k.notes(p.Notes)
	if len(p.Steps) > 0 {
		if err := k.printSteps(p.Ring, p.Steps); err != nil {
			return false, err
		}
	}
	for _, why := range p.Refusals {
		k.note("ring %s: %s", p.Ring, why)
	}
	switch refused := len(p.Refusals) > 0 && !o.force; {
	case refused && o.dryRun:
		k.note("without --force this is refused%s", again(p))
		return false, nil
	case refused:
		return false, fmt.Errorf("%w: nothing was done%s; --force does it all the same", manual.ErrRefused, again(p))
	case len(p.Steps) == 0:
		_, err := fmt.Fprintln(k.out, "Nothing to do.")
		return false, err
	case o.dryRun:
		return false, nil
	}
	if !o.yes {
		if err := confirm(ctx, cmd.InOrStdin(), k.out, "Do this?", word); err != nil {
			return false, err
		}
	}
	err := k.operator.Do(ctx, p, o.force)
	return err == nil, explain(err)
}

// again says when the same command has more to do.
func again(p *manual.Plan) string {
	if p.Again.IsZero() {
		return ""
	}
	return "; run it again after " + utc(p.Again) + " UTC"
}

func (k *keys) printSteps(ring string, steps []manual.Step) error {
	_, _ = fmt.Fprintf(k.out, "Ring %s:\n", ring)
	for i, s := range steps {
		if _, err := fmt.Fprintf(k.out, "  %d. %s\n     %s\n", i+1, s, s.Means); err != nil {
			return err
		}
	}
	return nil
}

// printGone prints the public keys that Vault lists no longer: with them, what
// they signed can still be proven.
func (k *keys) printGone(ring string, gone []manual.Version) {
	for _, v := range gone {
		_, _ = fmt.Fprintf(k.out, "\nRing %s, version %d, kid %s, created %s:\n%s\n", ring, v.Number, orNone(v.KID), utc(v.CreatedAt), publicKey(&v))
	}
}

func publicKey(v *manual.Version) string {
	if len(v.JWK) > 0 {
		return string(v.JWK)
	}
	return "no public key: it is of HS256, or was retired before, and then the log of whoever did that has it"
}

// printRing shows the ring as it is now.
func (k *keys) printRing(ctx context.Context, ring string) error {
	listing, err := k.operator.List(ctx, ring)
	if err != nil {
		return explain(err)
	}
	_, _ = fmt.Fprintln(k.out)
	listing.Revoked = nil
	return listTable(k.out, listing)
}
