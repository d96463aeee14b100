package main

import (
	"fmt"
	"io"
	"time"
)

// progress says how far something is, once it takes longer than every, and then
// as often.
type progress struct {
	out   io.Writer
	every time.Duration
	last  time.Time
}

func (p *progress) say(format string, args ...any) {
	now := time.Now()
	if p.last.IsZero() {
		p.last = now
	}
	if now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	_, _ = fmt.Fprintf(p.out, format+" ...\n", args...) // progress is no result
}
