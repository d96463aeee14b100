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
)

// planOptions are the flags of whatever shows a plan and asks.
type planOptions struct{ dryRun, yes bool }

func (o *planOptions) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "print the plan; change nothing")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
}

// check refuses what would end at a question that nobody can answer.
func (o *planOptions) check(cmd *cobra.Command) error {
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
