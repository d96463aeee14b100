package main

import (
	"context"

	"github.com/spf13/cobra"
)

func newKeysTrimCommand() *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "trim --config FILE [--ring RING]",
		Short: "Delete retired versions for good",
		Long: `Delete every version below min_decryption_version for good: no lowered minimum
brings it back, only a backup of Vault.

It is refused without --force until they have been retired for max_ttl and
retire_margin, as far as anybody saw. Without --yes it asks for the ring's name.

Vault does not list retired versions, so their public keys cannot be printed
here: ` + "`signet keys retire`" + ` prints and logs them, and the keeper logs them.`,
		Example: `  signet keys trim --config signet.yaml --dry-run
  signet keys trim --config signet.yaml --ring signet-es256`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return keysTrim(cmd.Context(), cmd, &o)
		},
	}
	o.add(cmd)
	o.addForce(cmd, "also what has not been retired for long")
	return cmd
}

func keysTrim(ctx context.Context, cmd *cobra.Command, o *changeOptions) error {
	k, err := openKeys(ctx, o.keysOptions, cmd)
	if err != nil {
		return err
	}
	defer k.close()
	p, err := k.operator.PlanTrim(ctx, o.ring)
	if err != nil {
		return explain(err)
	}
	did, err := k.change(ctx, cmd, o, p, p.Ring)
	if err != nil || !did {
		return err
	}
	k.printGone(p.Ring, p.Gone)
	return k.printRing(ctx, p.Ring)
}
