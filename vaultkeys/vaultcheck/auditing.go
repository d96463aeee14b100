package vaultcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"signet/vaultkeys/vaultapi"
)

// auditing looks at what Vault writes into its audit log.
func (c *check) auditing(ctx context.Context) error {
	if err := c.mount(ctx); err != nil {
		return err
	}
	return c.devices(ctx)
}

// mountData is a mount as both paths show it
// (https://developer.hashicorp.com/vault/api-docs/system/internal-ui-mounts).
type mountData struct {
	Type   string `json:"type"`
	Config struct {
		RequestKeys  []string `json:"audit_non_hmac_request_keys"`
		ResponseKeys []string `json:"audit_non_hmac_response_keys"`
	} `json:"config"`
}

// mount: any token that has something to do on a mount may ask how it is tuned.
func (c *check) mount(ctx context.Context) error {
	path := "sys/internal/ui/mounts/" + c.cfg.Mount
	where := "sys/mounts/" + c.cfg.Mount + "/tune"
	var m mountData
	_, err := c.cfg.Issuer.Read(ctx, path, &m)
	if err != nil && c.cfg.Operator != nil && !errors.Is(err, vaultapi.ErrNotFound) {
		_, err = c.cfg.Operator.Read(ctx, path, &m)
	}
	switch {
	case outage(err) != nil && !loginRefused(err):
		return err
	case err != nil:
		c.judge(false, Unknown, where, fmt.Sprintf("it could not be read (%v), so whether the audit log holds secrets was not checked", err),
			"check again when the findings above are mended, or with an operator's token in VAULT_TOKEN")
		return nil
	}
	c.logged(where, "audit_non_hmac_response_keys", m.Config.ResponseKeys,
		leak{[]string{"hmac"}, "the secret behind refresh tokens", "log everybody out, for the log has held that secret (docs/vault.md)"},
		leak{[]string{"batch_results", "signature"}, signatures, expire})
	c.logged(where, "audit_non_hmac_request_keys", m.Config.RequestKeys, leak{[]string{"hmac"}, signatures, expire})
	return nil
}

// leak is what the audit log holds if one of these members is not hashed in it.
type leak struct {
	members []string
	what    string
	then    string // what is to be done about the log as it is
}

// A token is its signature and what was signed, which is no secret and, with
// Ed25519 and HMAC, the very "input" of the request.
const (
	signatures = "signatures, and with what was signed each is a whole token"
	expire     = "keep that log like the tokens until they have expired, or revoke the versions that signed them (docs/vault.md)"
)

// logged judges what a mount's setting leaves in the audit log as it is. Either
// remedy takes out what all leaks name, so that one does not undo another.
func (c *check) logged(where, setting string, members []string, leaks ...leak) {
	rest := slices.Clone(members)
	for _, l := range leaks {
		rest = slices.DeleteFunc(rest, l.has)
	}
	for _, l := range leaks {
		found := slices.DeleteFunc(slices.Clone(members), func(m string) bool { return !l.has(m) })
		c.judge(len(found) == 0, Fail, where, fmt.Sprintf("%s has %s, so Vault's audit log holds %s", setting, join(found), l.what),
			fmt.Sprintf("`vault write %s %s=%s`; then %s", where, setting, strings.Join(rest, ","), l.then))
	}
}

func (l leak) has(member string) bool { return slices.Contains(l.members, member) }

// device is an entry of sys/audit.
type device struct {
	Type    string            `json:"type"`
	Options map[string]string `json:"options"`
}

// devices: there is one, and none that logs secrets as they are. Only an
// operator may see them.
func (c *check) devices(ctx context.Context) error {
	const where = "sys/audit"
	unseen := func(why, remedy string) {
		c.judge(false, Unknown, where, why+", so whether Vault keeps an audit log, and one without secrets, was not checked", remedy)
	}
	if c.cfg.Operator == nil {
		unseen("only an operator may read it, and there is no operator's token", "check with an operator's token in VAULT_TOKEN; the policy signet-auditor is enough")
		return nil
	}
	var all map[string]device
	_, err := c.cfg.Operator.Read(ctx, where, &all)
	switch {
	case loginRefused(err):
		unseen(fmt.Sprintf("Vault refuses the operator's token (%v)", err), "set VAULT_TOKEN to one that is good, or run `vault login`")
		return nil
	case outage(err) != nil:
		return err
	case err != nil:
		unseen(fmt.Sprintf("the operator's token may not read it (%v)", err), "use a token with the policy signet-auditor")
		return nil
	}
	c.judge(len(all) > 0, Warn, where, "no audit device is enabled, so nobody can tell what was signed",
		"`vault audit enable file file_path=/var/log/vault/audit.log`, and a second one: Vault blocks when its last one cannot write")
	for _, path := range slices.Sorted(maps.Keys(all)) {
		c.raw(path, all[path])
	}
	return nil
}

func (c *check) raw(path string, d device) {
	raw, err := strconv.ParseBool(d.Options["log_raw"])
	c.judge(err != nil || !raw, Fail, "sys/audit/"+path, "log_raw is set, so Vault's audit log holds tokens and the secret behind refresh tokens",
		fmt.Sprintf("enable a device without log_raw, then `vault audit disable %s`; then log everybody out, for the log has held that secret (docs/vault.md)", path))
}
