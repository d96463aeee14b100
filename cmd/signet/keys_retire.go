package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"signet/vaultkeys/manual"
)

func newKeysRetireCommand() *cobra.Command {
	var o changeOptions
	var to int
	cmd := &cobra.Command{
		Use:   "retire --config FILE [--ring RING] [--to VERSION]",
		Short: "Let old versions verify no more",
		Long: `Raise min_decryption_version, so that older versions leave the JWK set and their
tokens introspect as inactive. Lowering it brings them back, until a trim.

No live token dies: before that, min_encryption_version has to have stood there
for max_ttl and retire_margin. Where it does not, this command only raises it,
and says when to run it again; the keeper goes on as well. --force retires at
once. Without Redis nobody remembers when it rose, and only --force retires.

The public keys of what retires are printed and logged: keep them.`,
		Example: `  signet keys retire --config signet.yaml --dry-run
  signet keys retire --config signet.yaml --ring signet-es256 --to 3`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if to < 0 {
				return usage("--to %d: give the lowest version that stays", to)
			}
			return keysRetire(cmd, &o, to)
		},
	}
	o.add(cmd)
	o.addForce(cmd, "retire at once: live tokens die")
	cmd.Flags().IntVar(&to, "to", 0, "the lowest version that stays (default: the one that signs now)")
	return cmd
}

func keysRetire(cmd *cobra.Command, o *changeOptions, to int) error {
	ctx := cmd.Context()
	k, err := openKeys(ctx, o.keysOptions, cmd)
	if err != nil {
		return err
	}
	defer k.close()
	what := manual.Retire{Ring: o.ring, To: to, Force: o.force}
	p, err := k.operator.PlanRetire(ctx, what)
	if err != nil {
		return explain(err)
	}
	if did, err := k.change(ctx, cmd, o, p, "yes"); err != nil || !did {
		return err
	}
	k.printGone(p.Ring, p.Gone)
	if len(p.Gone) == 0 { // only fenced: now it is known since when
		if p, err = k.operator.PlanRetire(ctx, what); err != nil {
			return explain(err)
		}
		_, _ = fmt.Fprintf(k.out, "\nNot retired yet%s.\n", again(p))
	}
	return k.printRing(ctx, p.Ring)
}
