package vaulttest

import (
	"context"

	"signet/vaultkeys/vaultapi"
)

// Conn is a connection to Vault that a [Cut] stands in front of.
type Conn interface {
	Read(ctx context.Context, path string, out any) (vaultapi.Meta, error)
	Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error)
}

// Cut fails one request of those that it passes on: what ends there must go on
// from there. It is for one goroutine at a time.
type Cut struct {
	Conn
	// N is which one, counted from 1.
	N int
	// Lost fails it when Vault has done it, and nobody learns what came of it;
	// otherwise Vault never sees it.
	Lost bool
	// Fail is its error; called once.
	Fail func() error
	// Count is how many requests there were.
	Count int
}

// Read fits vaultkeys.Reader.
func (c *Cut) Read(ctx context.Context, path string, out any) (vaultapi.Meta, error) {
	return c.around(func() (vaultapi.Meta, error) { return c.Conn.Read(ctx, path, out) })
}

// Write fits vaultkeys.Writer.
func (c *Cut) Write(ctx context.Context, path string, in, out any) (vaultapi.Meta, error) {
	return c.around(func() (vaultapi.Meta, error) { return c.Conn.Write(ctx, path, in, out) })
}

func (c *Cut) around(do func() (vaultapi.Meta, error)) (vaultapi.Meta, error) {
	c.Count++
	if c.Count != c.N {
		return do()
	}
	if c.Lost {
		_, _ = do()
	}
	return vaultapi.Meta{}, c.Fail()
}
