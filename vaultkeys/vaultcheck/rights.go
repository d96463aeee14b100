package vaultcheck

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"signet/vaultkeys/vaultinit"
)

// right is something that a login must not be able to do, and the paths that
// would let it. Policies name paths, so each is asked for exactly: Vault answers
// by whatever exact path or pattern covers it.
type right struct {
	what  string
	paths []string
	// reading is enough; else only what writes counts.
	reading bool
}

// hashes may stand in a path of sign and hmac, which goes round the lock: all
// that Vault knows (https://developer.hashicorp.com/vault/api-docs/secret/transit#sign-data).
var hashes = []string{
	"sha1", "sha2-224", "sha2-256", "sha2-384", "sha2-512", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "none",
}

// eachKey joins the paths of all keys.
func eachKey(keys []key, paths func(name string) []string) []string {
	var all []string
	for _, k := range keys {
		all = append(all, paths(k.name)...)
	}
	return all
}

func withHashes(path string) []string {
	all := make([]string, 0, len(hashes))
	for _, h := range hashes {
		all = append(all, path+"/"+h)
	}
	return all
}

// issuerRights: beyond the tries, it can change no key, take none out, and
// change no rights.
func (c *check) issuerRights(ctx context.Context, id *identity) error {
	keys := c.allKeys()
	rights := []right{
		{what: "rotate a key", paths: eachKey(keys, func(k string) []string { return []string{c.paths.Rotate(k)} })},
		{what: "configure a key", paths: append(eachKey(keys, func(k string) []string { return []string{c.paths.KeyConfig(k)} }), c.cfg.Mount+"/config/keys")},
		{what: "trim a key", paths: eachKey(keys, func(k string) []string { return []string{c.paths.Trim(k)} })},
		{what: "sign past the lock of its policy", paths: c.roundabouts(keys)},
	}
	return c.mustLack(ctx, id, append(rights, c.never(keys, id)...))
}

// roundabouts are the paths that use a key in another way than Signet does.
func (c *check) roundabouts(keys []key) []string {
	return eachKey(keys, func(name string) []string {
		all := append(withHashes(c.paths.Sign(name)), withHashes(c.paths.HMAC(name))...)
		k := keys[slices.IndexFunc(keys, func(k key) bool { return k.name == name })]
		if k.want == "hmac" {
			return append(all, c.paths.Sign(name))
		}
		return append(all, c.paths.HMAC(name), c.cfg.Mount+"/decrypt/"+name, c.paths.Key(name)+"/csr")
	})
}

// never is what neither of the logins may do.
func (c *check) never(keys []key, id *identity) []right {
	m := c.cfg.Mount + "/"
	role := "auth/" + c.cfg.AppRoleMount + "/role/"
	var policies []string
	for _, name := range slices.Compact(slices.Sorted(slices.Values(append(id.self.policies(), vaultinit.Issuer, vaultinit.Keeper)))) {
		policies = append(policies, "sys/policies/acl/"+name, "sys/policy/"+name)
	}
	return []right{
		{what: "make, overwrite or delete a key", paths: eachKey(keys, func(k string) []string { return []string{c.paths.Key(k)} })},
		{what: "import a key", paths: eachKey(keys, func(k string) []string {
			return []string{c.paths.Key(k) + "/import", c.paths.Key(k) + "/import_version"}
		})},
		{what: "export a key", reading: true, paths: eachKey(keys, func(k string) []string {
			return []string{
				m + "export/signing-key/" + k, m + "export/signing-key/" + k + "/latest", m + "export/hmac-key/" + k, m + "export/hmac-key/" + k + "/latest",
				m + "export/encryption-key/" + k, m + "export/public-key/" + k, m + "byok-export/" + k + "/" + k,
			}
		})},
		{what: "back up a key", reading: true, paths: eachKey(keys, func(k string) []string { return []string{m + "backup/" + k} })},
		{what: "restore a key", paths: append([]string{m + "restore"}, eachKey(keys, func(k string) []string { return []string{m + "restore/" + k} })...)},
		{what: "change policies", paths: policies},
		{what: "change who it is", paths: []string{"identity/entity", "identity/group", "identity/entity-alias"}},
		{what: "make tokens or logins", paths: []string{
			"auth/token/create", "auth/token/create-orphan", role + vaultinit.Issuer, role + vaultinit.Issuer + "/secret-id",
			role + vaultinit.Keeper, role + vaultinit.Keeper + "/secret-id", "sys/auth/" + c.cfg.AppRoleMount,
		}},
		{what: "change mounts or auditing", paths: []string{"sys/mounts/" + c.cfg.Mount, "sys/mounts/" + c.cfg.Mount + "/tune", "sys/remount", "sys/audit/file"}},
		{what: "seal Vault or read its storage", reading: true, paths: []string{"sys/seal", "sys/raw", "sys/storage/raft/snapshot"}},
	}
}

// mustLack asks for the capabilities on all paths, and finds each right that
// the login has.
func (c *check) mustLack(ctx context.Context, id *identity, rights []right) error {
	if id.root() {
		return nil // found already
	}
	var paths []string
	for _, r := range rights {
		paths = append(paths, r.paths...)
	}
	have, ok, err := c.capabilities(ctx, id, paths)
	if !ok {
		return err
	}
	for _, r := range rights {
		var may []string
		for _, path := range r.paths {
			if does := slices.DeleteFunc(slices.Clone(have[path]), r.harmless); len(does) > 0 {
				may = append(may, fmt.Sprintf("%s (%s)", path, strings.Join(does, ", ")))
			}
		}
		c.judge(len(may) == 0, Fail, id.name, fmt.Sprintf("may %s: %s (%s)", r.what, names(may), id.has()), c.narrow(id))
	}
	return nil
}

func (r right) harmless(capability string) bool {
	switch capability {
	case "deny", "list", "subscribe", "recover":
		return true
	case "read":
		return !r.reading
	}
	return false // create, update, patch, delete, sudo, root, and what a later Vault invents
}

// pathsAtOnce are few enough for Vault to answer in the time that a request has: it
// builds the login's rights anew for each of them, which takes the longer the more
// rings there are. With fifty rings there are 2,000 paths, and one request for all was never answered.
const pathsAtOnce = 32

// capabilities asks Vault what the login may do on each path; not ok if it may
// not even ask, which is a finding
// (https://developer.hashicorp.com/vault/api-docs/system/capabilities-self).
func (c *check) capabilities(ctx context.Context, id *identity, paths []string) (have map[string][]string, ok bool, err error) {
	have = map[string][]string{}
	for some := range slices.Chunk(paths, pathsAtOnce) {
		var part map[string][]string
		if _, err = id.conn.Write(ctx, "sys/capabilities-self", map[string][]string{"paths": some}, &part); err != nil {
			break
		}
		maps.Copy(have, part)
	}
	if outage(err) != nil {
		return nil, false, err
	}
	c.judge(err == nil, Unknown, id.name,
		fmt.Sprintf("its token may not ask sys/capabilities-self (%v), so what it cannot do (rotate, export, back up, delete, change policies) was not checked", err),
		c.allows(id))
	return have, err == nil, nil
}
