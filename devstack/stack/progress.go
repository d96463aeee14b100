package stack

import (
	"context"
	"fmt"
	"io"
	"time"
)

// progress tells the operator what is being waited for.
type progress struct{ out io.Writer }

func (p *progress) say(text string) { _, _ = fmt.Fprintln(p.out, text) }

// step announces what it does before it does it, since it may take a while.
func (p *progress) step(ctx context.Context, what string, do func(context.Context) error) error {
	_, _ = fmt.Fprintf(p.out, "%s ... ", what)
	began := time.Now()
	if err := do(ctx); err != nil {
		p.say("failed")
		return fmt.Errorf("%s: %w", what, err)
	}
	_, _ = fmt.Fprintf(p.out, "%.1f s\n", time.Since(began).Seconds())
	return nil
}
