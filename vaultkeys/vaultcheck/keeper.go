package vaultcheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"signet/vaultkeys/lifecycle"
)

// asKeeper: it reads, rotates, fences, retires and trims, and neither signs nor
// opens a key. Whether it may rotate is only asked: trying would.
func (c *check) asKeeper(ctx context.Context, issuer *identity) error {
	id, ok, err := c.login(ctx, keeperLogin, c.cfg.Keeper)
	if err != nil || !ok {
		return err
	}
	if issuer != nil {
		c.judge(!same(id, issuer), Fail, id.name, "is the same identity as the issuer, so whoever signs can rotate and retire keys too",
			fmt.Sprintf("%s makes the keeper's own; name it under %s", c.cfg.vaultInit(id.flag), id.setting))
	}
	for _, step := range []func(context.Context, *identity) error{c.keeperReads, c.keeperRotates, c.keeperRaises, c.keeperCannotSign, c.keeperCannotOpen, c.keeperRights} {
		if err := step(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (c *check) keeperReads(ctx context.Context, id *identity) error {
	for _, r := range c.cfg.Rings {
		_, err := id.conn.Read(ctx, c.paths.Key(r.Name), nil)
		if outage(err) != nil {
			return err
		}
		c.judge(!refused(err), Fail, c.paths.Key(r.Name), fmt.Sprintf("the keeper may not read it (%v)", err), c.allows(id))
	}
	return nil
}

func (c *check) keeperRotates(ctx context.Context, id *identity) error {
	if id.root() {
		return nil
	}
	var paths []string
	for _, r := range c.cfg.Rings {
		paths = append(paths, c.paths.Rotate(r.Name))
	}
	have, ok, err := c.capabilities(ctx, id, paths)
	if !ok {
		return err
	}
	for _, path := range paths {
		c.judge(slices.Contains(have[path], "update"), Fail, path, "the keeper may not write to it, so it cannot rotate", c.allows(id))
	}
	return nil
}

// beyond is a version that no key has. Vault itself refuses a minimum above the
// latest version, with 400 and after its policy had its say: asking for this one
// changes nothing and shows whether the policy lets the parameter through
// (https://developer.hashicorp.com/vault/api-docs/secret/transit#update-key-configuration).
const beyond = 999_999_999

// keeperRaises tries the requests with which a keeper raises each minimum: the
// capability on their path does not tell which parameters it may send.
func (c *check) keeperRaises(ctx context.Context, id *identity) error {
	if id.root() {
		return nil
	}
	for _, r := range c.cfg.Rings {
		for _, raise := range []struct {
			kind lifecycle.Kind
			what string
		}{
			{lifecycle.Fence, "min_encryption_version, so it cannot fence a version"},
			{lifecycle.Retire, "min_decryption_version, so it cannot retire a version"},
			{lifecycle.Trim, "min_available_version, so it cannot trim what is retired"},
		} {
			path, in := c.paths.Action(r.Name, lifecycle.Action{Kind: raise.kind, Version: beyond})
			err := try(ctx, id.conn, path, in)
			if outage(err) != nil {
				return err
			}
			c.judge(!refused(err), Fail, path, fmt.Sprintf("the keeper may not raise %s (%s)", raise.what, id.has()), c.allows(id))
		}
	}
	return nil
}

// keeperCannotSign tries what `signet serve` asks for.
func (c *check) keeperCannotSign(ctx context.Context, id *identity) error {
	for i := range c.cfg.Rings {
		r := &c.cfg.Rings[i]
		d := c.keys[r.Name]
		if !d.fitsType || id.root() {
			continue
		}
		if err := c.mustBeRefused(ctx, id, c.signPath(r), "sign", []attempt{{"a pinned signature", probe(r, d.LatestVersion)}}); err != nil {
			return err
		}
	}
	return nil
}

// keeperCannotOpen tries to set each flag to what it is already: nothing
// changes, and a policy that lets the parameter through shows.
func (c *check) keeperCannotOpen(ctx context.Context, id *identity) error {
	for _, r := range c.cfg.Rings {
		d := c.keys[r.Name]
		if !d.found || id.root() {
			continue
		}
		var wrong []attempt
		for name, already := range map[string]bool{"exportable": d.Exportable, "allow_plaintext_backup": d.AllowPlaintextBackup, "deletion_allowed": d.DeletionAllowed} {
			if !already {
				wrong = append(wrong, attempt{name, body{name: "false"}})
			}
		}
		slices.SortFunc(wrong, func(a, b attempt) int { return cmp.Compare(a.what, b.what) })
		if err := c.mustBeRefused(ctx, id, c.paths.KeyConfig(r.Name), "open the key", wrong); err != nil {
			return err
		}
	}
	return nil
}

// keeperRights: what else it must lack. The key behind refresh tokens is none
// of its business.
func (c *check) keeperRights(ctx context.Context, id *identity) error {
	keys, mac := c.allKeys(), c.cfg.MACKey
	rights := []right{
		{what: "sign", paths: eachKey(keys, func(k string) []string {
			return append(append([]string{c.paths.Sign(k), c.paths.HMAC(k)}, withHashes(c.paths.Sign(k))...), withHashes(c.paths.HMAC(k))...)
		})},
		{what: "change the key behind refresh tokens", paths: []string{c.paths.Rotate(mac), c.paths.KeyConfig(mac), c.paths.Trim(mac)}},
	}
	return c.mustLack(ctx, id, append(rights, c.never(keys, id)...))
}
