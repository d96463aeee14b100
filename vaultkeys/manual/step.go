package manual

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// Step is one write of a plan, for a human to read.
type Step struct {
	// Where is Vault's path, or Redis' key.
	Where string
	// What is written there; empty if the path says it all.
	What string
	// Means is what that means for versions and live tokens.
	Means string
}

// String is the write, without what it means.
func (s Step) String() string { return strings.TrimSpace(s.Where + "  " + s.What) }

// write sends one request to Vault and tells of it.
func (o *Operator) write(ctx context.Context, path string, in any) error {
	if _, err := o.cfg.Vault.Write(ctx, path, in, nil); err != nil {
		return err
	}
	what := ""
	if values, ok := in.(map[string]string); ok {
		what = parameters(values)
	}
	o.did(Step{Where: path, What: what})
	return nil
}

// did tells of a write that was done.
func (o *Operator) did(s Step) {
	args := []any{"where", s.Where}
	if s.What != "" {
		args = append(args, "what", s.What)
	}
	o.cfg.Logger.Info("keys: written", args...)
	o.cfg.Did(s)
}

func parameters(values map[string]string) string {
	all := make([]string, 0, len(values))
	for name, v := range values {
		all = append(all, name+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// farewell puts public keys that Vault is about to list no longer into the log:
// what was signed with them can then still be proven, even after a trim.
func (o *Operator) farewell(ring string, versions []Version) {
	for _, v := range versions {
		o.cfg.Logger.Info("keys: listed no longer", "ring", ring, "version", v.Number, "kid", v.KID, "created", v.CreatedAt, "public_key", v.publicKey)
	}
}

// passing reports whether the same request may succeed later, or was refused
// only because somebody else changed the ring just before.
func passing(err error) bool {
	return errors.Is(err, vaultapi.ErrUnavailable) || errors.Is(err, vaultapi.ErrBadRequest)
}

// plural is "version 3", or "versions 1 to 3".
func plural(from, to int) string {
	if from == to {
		return fmt.Sprintf("version %d", from)
	}
	return fmt.Sprintf("versions %d to %d", from, to)
}
