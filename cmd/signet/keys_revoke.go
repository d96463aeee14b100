package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"signet/internal/strictyaml"
	"signet/vaultkeys/manual"
)

func newKeysRevokeCommand() *cobra.Command {
	var o changeOptions
	var s manual.Suspects
	cmd := &cobra.Command{
		Use:   "revoke --config FILE (--ring RING --version N | --kid KID | --all)",
		Short: "The emergency: kill a key now, and all of its tokens",
		Long: `Kill a key now. In this order: its kid goes on the revoked list, which every
replica obeys whatever Vault says; the ring is rotated, or a published version
that is not suspect is promoted and signs at once; both minimums rise; and the
suspect is trimmed, again until Vault shows that it is gone.

Raising the minimums kills every older version too: the plan names them. It may
be run again from any point, and then does what is left. If Redis does not
answer, Vault's steps are done all the same, and it ends with exit code 1.

--all is every version that exists now: for when the keys may have been copied or
misused, whichever it was. When somebody has left and nothing points to misuse,
` + "`signet keys rotate`" + ` is enough. With --ring and --version it is every version up to
that one: so --all is repeated, for the versions made since are not suspect.

It ends with what only you can do: the configuration's revoked_kids, and the
verifiers that go on trusting the key for a while.`,
		Example: `  signet keys revoke --config signet.yaml --ring signet-es256 --version 3 --dry-run
  signet keys revoke --config signet.yaml --kid PC4QlcUYcW5I5nWsWfnfFQcGwWfIkPFwQbs0nrRcLlE
  signet keys revoke --config signet.yaml --all`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			s.Ring = o.ring
			return keysRevoke(cmd, &o, s)
		},
	}
	o.add(cmd)
	flags := cmd.Flags()
	flags.IntVar(&s.Version, "version", 0, "the version of the ring")
	flags.StringVar(&s.KID, "kid", "", "the kid of the key, wherever it is")
	flags.BoolVar(&s.All, "all", false, "every version that exists now, of the ring or of all rings")
	flags.BoolVar(&s.Rotate, "rotate", false, "sign with a new version even where a published one is not suspect")
	flags.IntVar(&s.Above, "above", 0, "with --rotate: a version above this one is new enough (default: the latest now); the command to run again names it")
	return cmd
}

func keysRevoke(cmd *cobra.Command, o *changeOptions, s manual.Suspects) error {
	ctx := cmd.Context()
	k, err := openKeys(ctx, o.keysOptions, cmd)
	if k == nil || err != nil && s.KID == "" {
		return err
	}
	defer k.close()
	if err != nil { // the list can be written without Vault
		k.note("%v", err)
	}
	p, err := k.operator.PlanRevoke(ctx, s)
	if err != nil {
		return explain(err)
	}
	if err := k.printRevocation(p); err != nil || o.dryRun {
		return err
	}
	if !o.yes {
		if err := confirm(ctx, cmd.InOrStdin(), k.out, "This cannot be undone. Do it?", "revoke"); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprintln(k.out)
	out, err := k.operator.Revoke(ctx, p)
	k.printOutcome(p, out)
	if err != nil {
		k.loud(out.Missing)
		return fmt.Errorf("%w\nrun it again, it does what is left:%s", explain(err), commands(o.configPath, p, &s))
	}
	return k.printLeft(ctx, p)
}

// printRevocation shows the plan: what goes on the list, what dies, and each write.
func (k *keys) printRevocation(p *manual.Revocations) error {
	k.notes(p.Notes)
	if len(p.KIDs) > 0 {
		_, _ = fmt.Fprintln(k.out, "Revoked list, so that no replica publishes, signs with or accepts them any more, whatever Vault says:")
	}
	for _, kid := range p.KIDs {
		_, _ = fmt.Fprintf(k.out, "  %s\n", kid.KID)
	}
	for _, r := range p.Rings {
		if len(r.Steps) == 0 {
			_, _ = fmt.Fprintf(k.out, "Ring %s: nothing is left to do in Vault.\n", r.Ring)
			continue
		}
		for _, v := range r.Dying {
			why := "dies with it, and its live tokens"
			if v.Suspect {
				why = "is revoked, and its live tokens die"
			}
			_, _ = fmt.Fprintf(k.out, "Ring %s: version %d, %s, kid %s %s.\n", r.Ring, v.Number, v.State, orNone(v.KID), why)
		}
		early := ""
		if r.Early {
			early = ", before its publish_delay is over: verifiers that have not fetched the JWK set since refuse its tokens until they do"
		}
		_, _ = fmt.Fprintf(k.out, "Ring %s: version %d signs then%s.\n", r.Ring, r.Next, early)
		if err := k.printSteps(r.Ring, r.Steps); err != nil {
			return err
		}
	}
	return nil
}

func (k *keys) printOutcome(p *manual.Revocations, out *manual.Outcome) {
	for _, r := range p.Rings {
		k.printGone(r.Ring, out.Gone[r.Ring])
		if signs := out.Signs[r.Ring]; signs > 0 {
			_, _ = fmt.Fprintf(k.out, "\nRing %s: nothing of it is left in Vault. Version %d signs now.\n", r.Ring, signs)
		}
	}
}

// loud is for kids that only the configuration can kill now.
func (k *keys) loud(missing []string) {
	if len(missing) == 0 {
		return
	}
	_, _ = fmt.Fprintf(k.err, "\n*** NOT ON THE REVOKED LIST, for Redis cannot be written. Put this into the configuration of every replica NOW, and restart them:\n%s\n", revokedKIDs(missing))
}

// printLeft ends with what only the operator can do, and what is left of the
// exposure.
func (k *keys) printLeft(ctx context.Context, p *manual.Revocations) error {
	c := k.cfg.Keys
	if len(p.AllKIDs) > 0 {
		_, _ = fmt.Fprintf(k.out, "\nNow put this into the configuration of every replica, so that it holds without Redis too:\n%s", revokedKIDs(p.AllKIDs))
	}
	_, err := fmt.Fprintf(k.out, `
Exposure that is left:
  replicas                              up to %s (refresh_interval)
  verifiers that keep the JWK set       up to %s (refresh_interval %s + jwks_max_age %s + stale_if_error %s)
  verifiers that ignore Cache-Control   until they are restarted or told
`, strictyaml.Compact(c.RefreshInterval), strictyaml.Compact(c.RefreshInterval+c.JWKSMaxAge+c.StaleIfError),
		strictyaml.Compact(c.RefreshInterval), strictyaml.Compact(c.JWKSMaxAge), strictyaml.Compact(c.StaleIfError))
	if err != nil || len(p.Rings) == 0 {
		return err
	}
	for _, r := range p.Rings {
		err = errors.Join(err, k.printRing(ctx, r.Ring))
	}
	return err
}

func revokedKIDs(kids []string) string {
	return "  keys:\n    revoked_kids:\n      - " + strings.Join(kids, "\n      - ") + "\n"
}

// commands go on from where this run ended. Of --all they name the versions,
// for those that were made since are not suspect.
func commands(configPath string, p *manual.Revocations, s *manual.Suspects) string {
	text := ""
	add := func(format string, args ...any) {
		text += "\n  signet keys revoke --config " + configPath + fmt.Sprintf(format, args...)
	}
	if s.KID != "" {
		add(" --kid %s%s", s.KID, rotation(p, s))
	}
	for _, r := range p.Rings {
		again := rotation(&manual.Revocations{Rings: []manual.RingRevocation{r}}, s)
		switch {
		case s.All:
			add(" --ring %s --all --version %d%s", r.Ring, r.UpTo, again)
		case s.KID == "":
			add(" --ring %s --version %d%s", r.Ring, r.UpTo, again)
		}
	}
	return text
}

// rotation are the flags that make no further version in the one ring.
func rotation(p *manual.Revocations, s *manual.Suspects) string {
	switch {
	case !s.Rotate:
		return ""
	case len(p.Rings) != 1:
		return " --rotate"
	}
	return fmt.Sprintf(" --rotate --above %d", p.Rings[0].Above)
}
