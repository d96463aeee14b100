package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"signet/vaultkeys/manual"
)

// changeOptions are the flags of the commands that change something.
type changeOptions struct {
	keysOptions
	dryRun, yes, force bool
}

func (o *changeOptions) add(cmd *cobra.Command) {
	o.keysOptions.add(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the plan; change nothing")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
}

func (o *changeOptions) addForce(cmd *cobra.Command, usage string) {
	cmd.Flags().BoolVar(&o.force, "force", false, usage)
}

// check refuses what would end at a question that nobody can answer.
func (o *changeOptions) check(cmd *cobra.Command) error {
	if err := given(cmd); err != nil {
		return err
	}
	if !o.dryRun && !o.yes && !terminal(cmd.InOrStdin()) {
		return usage("nobody can be asked, for stdin is no terminal: use --yes, or --dry-run to see the plan")
	}
	return nil
}

func terminal(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device that nobody sits at
	return err != nil || !os.SameFile(info, null)
}

var errNotConfirmed = errors.New("not confirmed: nothing was done")

// confirm asks, and takes only want for a yes. A read of a terminal does not end
// with ctx, so it is left behind.
func confirm(ctx context.Context, in io.Reader, out io.Writer, question, want string) error {
	if _, err := fmt.Fprintf(out, "\n%s Type %s to go on: ", question, want); err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(io.LimitReader(in, 1<<10)).ReadString('\n')
		read <- line{text, err}
	}()
	var answer line
	select {
	case answer = <-read:
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // also where both came: nothing starts after Ctrl-C
		return errNotConfirmed
	}
	if answer.err != nil && !errors.Is(answer.err, io.EOF) {
		return fmt.Errorf("reading the answer: %w", answer.err)
	}
	if strings.TrimSpace(answer.text) != want {
		return errNotConfirmed
	}
	return nil
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
