package main

import "github.com/spf13/cobra"

func newKeysRotateCommand() *cobra.Command {
	var o changeOptions
	cmd := &cobra.Command{
		Use:   "rotate --config FILE [--ring RING]",
		Short: "Add a version to a ring: published now, it signs after publish_delay",
		Long: `Add a version to a ring. That only publishes it: it signs when the ring's
publish_delay is over, and the plan says when. No token dies.

It is refused without --force while an earlier version still waits to sign, and
where it would be a fourth live one. --ring is needed where there are several.`,
		Example: `  signet keys rotate --config signet.yaml --dry-run
  signet keys rotate --config signet.yaml --ring signet-es256 --yes`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			k, err := openKeys(cmd.Context(), o.keysOptions, cmd)
			if err != nil {
				return err
			}
			defer k.close()
			p, err := k.operator.PlanRotate(cmd.Context(), o.ring)
			if err != nil {
				return explain(err)
			}
			if did, err := k.change(cmd.Context(), cmd, &o, p, "yes"); err != nil || !did {
				return err
			}
			return k.printRing(cmd.Context(), p.Ring)
		},
	}
	o.add(cmd)
	o.addForce(cmd, "also while a version waits to sign, or as a fourth live one")
	return cmd
}
